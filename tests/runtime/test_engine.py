from __future__ import annotations

import numpy as np
import pytest

from runtime.engine import RAMP, Engine
from runtime.errors import ParamError
from runtime.faults import FADE
from runtime.messages import NodeFailed
from tests.fake_streams import patch, plan, playing, registry, rendered

SUNG = {"gesture": "gesture", "calm": "calm", "voice": "voice", "out": "out", "lone": "gesture"}
SINGS = ("gesture.control -> calm.control", "calm.control -> voice.control", "voice.audio -> out.audio")
HUNDREDTH = {"count": ("count", {"step": 1e-3}), "out": "out"}


def test_a_block_holds_what_the_nodes_computed():
    engine = playing(HUNDREDTH, "count.audio -> out.audio")
    sound = rendered(engine, 3)
    assert sound.shape == (2, 192) and sound.dtype == np.float32
    np.testing.assert_allclose(sound, np.repeat(np.arange(192)[None] * 1e-3, 2, axis=0), atol=1e-7)


def test_sounds_that_meet_in_one_many_input_are_added():
    engine = playing(
        {"one": "level", "two": ("level", {"level": 0.25}), "sum": "sum", "out": "out"},
        *("one.audio -> sum.audio", "two.audio -> sum.audio", "sum.audio -> out.audio"),
    )
    np.testing.assert_allclose(engine.render(), 0.75)


def test_a_many_input_without_links_gets_nothing():
    engine = playing({"sum": "sum", "out": "out"}, "sum.audio -> out.audio")
    assert not engine.render().any()


def test_an_unconnected_optional_input_arrives_as_none():
    engine = playing({"level": "level", "out": "out"}, "level.audio -> out.audio")
    np.testing.assert_allclose(engine.render(), 0.5)


def test_a_delayed_input_reads_the_block_before():
    engine = playing(
        {"one": ("level", {"level": 0.1}), "sum": "sum", "back": "back", "out": "out"},
        *("one.audio -> sum.audio", "back.audio -> sum.audio", "sum.audio -> back.audio", "sum.audio -> out.audio"),
    )
    heights = [float(engine.render()[0, 0]) for _ in range(4)]
    np.testing.assert_allclose(heights, [0.1, 0.2, 0.3, 0.4], atol=1e-6)


def test_a_changed_smooth_param_glides_there_in_twenty_milliseconds():
    engine = playing({"level": ("level", {"level": 0.0}), "out": "out"}, "level.audio -> out.audio")
    engine.render()
    engine.set_param("level", "level", 0.8)
    sound = rendered(engine, 4)[0]
    frames = round(RAMP * 8000)
    np.testing.assert_allclose(sound[:frames], 0.8 * np.arange(1, frames + 1) / frames, atol=1e-6)
    np.testing.assert_allclose(sound[frames:], 0.8)


def test_a_smooth_param_that_changes_again_turns_from_where_it_is():
    engine = playing({"level": ("level", {"level": 0.0}), "out": "out"}, "level.audio -> out.audio")
    engine.set_param("level", "level", 0.8)
    before = rendered(engine, 1)[0]
    engine.set_param("level", "level", 0.0)
    after = rendered(engine, 4)[0]
    assert abs(after[0] - before[-1]) < 0.01 and after[-1] == 0.0


def test_a_smooth_param_that_is_set_to_where_it_is_stays_there():
    engine = playing({"level": ("level", {"level": 0.0}), "out": "out"}, "level.audio -> out.audio")
    engine.set_param("level", "level", 0.8)
    here = float(rendered(engine, 1)[0, -1])
    engine.set_param("level", "level", here)
    np.testing.assert_allclose(rendered(engine, 5)[0], here, atol=1e-6)


def test_a_param_out_of_range_is_clamped():
    engine = playing({"level": "level", "out": "out"}, "level.audio -> out.audio")
    engine.set_param("level", "level", 99.0)
    rendered(engine, 8)
    np.testing.assert_allclose(engine.value("level", "audio"), 10.0)


@pytest.mark.parametrize(
    ("node", "param", "value", "words"),
    [
        ("level", "level", "loud", "level must be a number, got 'loud'"),
        ("level", "colour", 1.0, "level.colour is not a param of a playing node"),
        ("nobody", "level", 1.0, "nobody.level is not a param of a playing node"),
        ("count", "label", "x", "label is fixed while the sound runs; load the changed patch"),
    ],
)
def test_a_param_that_cannot_be_set_is_refused_in_words(node, param, value, words):
    engine = playing({"level": "level", "count": "count"})
    with pytest.raises(ParamError, match=words):
        engine.set_param(node, param, value)


@pytest.mark.parametrize("fault", ["raise", "nan", "inf", "-inf", "1e9", "float64", "short"])
def test_a_node_that_fails_is_muted_with_a_fade_and_the_rest_goes_on(fault):
    engine = playing(
        {"bad": "faulty", "good": ("level", {"level": 0.25}), "sum": "sum", "out": "out"},
        *("bad.audio -> sum.audio", "good.audio -> sum.audio", "sum.audio -> out.audio"),
        block=512,
    )
    before = rendered(engine, 2)
    engine.set_param("bad", "fault", fault)
    after = rendered(engine, 3)
    sound = np.concatenate([before, after], axis=1)[0]
    fade = round(FADE * engine.sample_rate)
    np.testing.assert_allclose(before, 0.75)
    assert np.abs(np.diff(sound)).max() < 0.5 * np.pi / fade
    np.testing.assert_allclose(sound[1024 + fade :], 0.25, atol=1e-6)
    assert [type(event) for event in engine.events] == [NodeFailed]
    assert engine.events[0].node == "bad" and engine.events[0].frame == 1024


@pytest.mark.parametrize("fault", ["nan", "inf", "-inf"])
def test_a_nan_is_found_behind_pure_nodes_and_its_source_is_named(fault):
    engine = playing(
        {"bad": "faulty", "good": ("level", {"level": 0.25}), "one": "sum", "two": "sum", "count": "keep", "out": "out"},
        *("bad.audio -> one.audio", "one.audio -> two.audio", "good.audio -> two.audio", "two.audio -> count.audio"),
        "count.audio -> out.audio",
        block=512,
    )
    rendered(engine, 2)
    engine.set_param("bad", "fault", fault)
    sound = rendered(engine, 3)[0]
    assert {event.node for event in engine.events} == {"bad"} and set(engine.failed) == {"bad"}
    assert np.isfinite(engine.instance("count").kept) and np.isfinite(sound).all()
    np.testing.assert_allclose(sound[-512:], 0.25)


def test_a_sound_that_is_read_through_a_delay_is_searched_for_nan():
    engine = playing(
        {"bad": ("faulty", {"fault": "nan"}), "back": "back", "out": "out"}, "bad.audio -> back.audio", "back.audio -> out.audio"
    )
    assert not rendered(engine, 3).any() and set(engine.failed) == {"bad"}


def test_a_failure_says_what_was_wrong():
    engine = playing({"bad": ("faulty", {"fault": "raise"})})
    engine.render()
    assert str(engine.events[0]) == "bad: ValueError: the lamp is out"


def test_a_failed_node_plays_again_when_its_param_is_mended():
    engine = playing({"bad": ("faulty", {"fault": "nan"}), "out": "out"}, "bad.audio -> out.audio")
    assert not rendered(engine, 2).any() and set(engine.failed) == {"bad"}
    engine.set_param("bad", "fault", "")
    back = engine.render()[0].copy()
    assert back[0] < 0.01 and (np.diff(back) > 0).all()  # it rises out of the silence
    np.testing.assert_allclose(engine.render(), 0.5)
    assert engine.failed == {}


def test_a_failed_node_plays_again_when_it_is_revived():
    engine = playing({"bad": ("faulty", {"fault": "nan"})})
    engine.render()
    engine.revive("bad")
    engine.render()
    assert len(engine.events) == 2


def test_a_node_that_cannot_be_prepared_is_a_problem_and_the_rest_plays():
    compiled = plan(
        {"bad": ("faulty", {"unready": True}), "after": "level", "good": "level", "out": "out"},
        *("bad.audio -> after.audio", "good.audio -> out.audio"),
    )
    engine = Engine(compiled.settings)
    problems = engine.load(compiled)
    assert [problem.node for problem in problems] == ["bad"] and "the disk is full" in problems[0].message
    np.testing.assert_allclose(engine.render(), 0.5)


def test_loading_a_changed_plan_keeps_unchanged_instances():
    engine = playing(HUNDREDTH, "count.audio -> out.audio")
    count = engine.instance("count")
    engine.render()
    changed = plan({**HUNDREDTH, "level": "level"}, "count.audio -> level.audio", "level.audio -> out.audio")
    engine.load(changed)
    assert engine.instance("count") is count
    sound = rendered(engine, 9)[0]  # 8 blocks of 64 crossfade
    np.testing.assert_allclose(sound[-64:], 0.5e-3 * np.arange(576, 640), atol=1e-6)


def test_loading_a_changed_fixed_param_prepares_the_node_anew_and_closes_the_old():
    engine = playing(HUNDREDTH, "count.audio -> out.audio")
    count = engine.instance("count")
    engine.load(plan({"count": ("count", {"label": "new"}), "out": "out"}, "count.audio -> out.audio"))
    assert engine.instance("count") is not count
    engine.close()
    assert count.closed


def test_loading_a_changed_smooth_param_glides_from_the_old_value():
    engine = playing({"level": ("level", {"level": 0.2}), "out": "out"}, "level.audio -> out.audio")
    engine.render()
    engine.load(plan({"level": ("level", {"level": 0.8}), "out": "out"}, "level.audio -> out.audio"))
    sound = rendered(engine, 4)[0]
    assert 0.2 < sound[0] < 0.21 and sound[-1] == np.float32(0.8)


def test_a_removed_node_is_closed():
    engine = playing(HUNDREDTH, "count.audio -> out.audio")
    count = engine.instance("count")
    engine.load(plan({"out": "out", "level": "level"}, "level.audio -> out.audio"))
    engine.close()
    assert count.closed


def test_names_travel_with_the_plan():
    engine = playing({"gesture": ("gesture", {"names": "mouth brow jaw"}), "calm": "calm"}, "gesture.control -> calm.control")
    assert engine.names("calm", "control") == ("mouth", "brow", "jaw")
    assert engine.instance("calm").names == ("mouth", "brow", "jaw")


def test_a_node_is_prepared_anew_when_the_names_before_it_change():
    engine = playing({"gesture": "gesture", "calm": "calm"}, "gesture.control -> calm.control")
    engine.load(plan({"gesture": ("gesture", {"names": "a b c"}), "calm": "calm"}, "gesture.control -> calm.control"))
    assert engine.names("calm", "control") == ("a", "b", "c")


def test_control_has_a_step_for_each_64_frames_at_every_block_length():
    def steps(block: int) -> np.ndarray:
        engine = playing({"gesture": "gesture"}, block=block)
        found = []
        for _ in range(2048 // block):
            engine.render()
            found.append(engine.value("gesture", "control"))
        return np.concatenate(found, axis=1)

    for block in (64, 512, 2048):
        np.testing.assert_array_equal(steps(block)[0], np.arange(0, 2048, 64))


def test_latencies_add_up_on_the_way_from_a_source_to_the_loudspeakers():
    engine = playing(SUNG, *SINGS)
    assert (engine.latency_from("gesture"), engine.latency_from("calm")) == (75, 25)
    assert engine.latency_from("lone") is None


# Held outputs: at block 64 a block is one step of control


def sung(engine, blocks):
    """What the voice gave at the end of each block; of itself it tells the frame."""
    return [float((engine.render(), engine.value("voice", "audio")[0, -1])[1]) for _ in range(blocks)]


def test_a_held_output_gives_its_value_from_the_next_block_on_until_it_is_let_go():
    engine = playing(SUNG, *SINGS)
    assert sung(engine, 2) == [0.0, 64.0]
    engine.hold("gesture", "control", np.float32([-1.0, 0.0]))
    assert sung(engine, 3) == [-1.0, -1.0, -1.0]
    engine.hold("gesture", "control", None)
    assert sung(engine, 2) == [320.0, 384.0]


def test_what_is_held_is_reached_within_a_block_and_without_a_step():
    engine = playing(SUNG, *SINGS, block=4096)
    engine.hold("gesture", "control", np.float32([-1.0, 0.0]))
    engine.render()
    (found,) = engine.value("gesture", "control")[:1]
    assert found[0] == pytest.approx(0.0, abs=1.0) and found[-1] == -1.0
    assert np.abs(np.diff(found)).max() < 150.0  # of itself it goes by 64, and from 4032 to -1 at once it would be 4033


def test_a_held_output_stays_held_when_its_node_is_made_anew_or_the_patch_changes_elsewhere():
    engine = playing(SUNG, *SINGS)
    engine.hold("gesture", "control", np.float32([-1.0, 0.0]))
    sung(engine, 2)
    engine.load(plan(SUNG, *SINGS), renew=("gesture",))
    assert sung(engine, 20) == [-1.0] * 20
    engine.load(plan({**SUNG, "more": "level"}, *SINGS))
    assert sung(engine, 20) == [-1.0] * 20


def test_what_was_held_of_a_node_is_forgotten_when_the_node_leaves():
    engine = playing(SUNG, *SINGS)
    engine.hold("gesture", "control", np.float32([-1.0, 0.0]))
    engine.render()
    engine.load(plan({"lone": "gesture"}))
    rendered(engine, 20)
    engine.load(plan(SUNG, *SINGS))
    assert min(sung(engine, 20)) >= 0.0


def test_a_held_value_of_other_dimensions_counts_for_nothing():
    engine = playing(SUNG, *SINGS)
    engine.hold("gesture", "control", np.float32([-1.0, 0.0, 0.0]))
    assert sung(engine, 2) == [0.0, 64.0]


def test_holding_a_node_that_does_not_play_changes_nothing():
    engine = playing(SUNG, *SINGS)
    engine.hold("nobody", "control", np.float32([-1.0]))
    assert sung(engine, 2) == [0.0, 64.0]


def test_the_time_of_each_node_is_measured():
    engine = playing({"busy": "busy", "level": "level"})
    rendered(engine, 5)
    load = engine.load_per_node()
    assert load["busy"] >= 0.002 > load["level"] > 0


def test_two_engines_share_no_state():
    one, two = (playing(HUNDREDTH, "count.audio -> out.audio") for _ in range(2))
    rendered(one, 5)
    assert two.render()[0, 0] == 0.0


def test_a_node_that_forgets_to_name_its_control_is_refused():
    from runtime.plan import compile_patch
    from tests.fake_streams import Gesture

    class Nameless(Gesture):
        """Names nothing."""

        def prepare(self, stream, names):
            self.rows = 2

    found = registry()
    found.nodes["fake.gesture"] = Nameless
    engine = Engine({"sample_rate": 8000, "block": 64, "seed": 0})
    problems = engine.load(compile_patch(patch({"gesture": "gesture"}), found))
    assert "must name the dimensions of control in prepare" in problems[0].message


def test_a_failed_node_stays_mute_when_something_else_is_loaded():
    nodes = {"bad": ("faulty", {"fault": "nan"}), "out": "out"}
    engine = playing(nodes, "bad.audio -> out.audio")
    rendered(engine, 2)
    engine.load(plan({**nodes, "new": "level"}, "bad.audio -> out.audio"))
    rendered(engine, 2)
    assert set(engine.failed) == {"bad"} and len(engine.events) == 1


def test_a_failed_node_plays_again_when_it_is_loaded_with_another_param():
    engine = playing({"bad": ("faulty", {"fault": "nan"}), "out": "out"}, "bad.audio -> out.audio")
    rendered(engine, 2)
    engine.load(plan({"bad": ("faulty", {"fault": ""}), "out": "out"}, "bad.audio -> out.audio"))
    back = engine.render()[0].copy()
    assert back[0] < 0.01 and (np.diff(back) > 0).all()  # it rises out of the silence
    np.testing.assert_allclose(engine.render(), 0.5)
    assert engine.failed == {}


def test_a_nan_is_told_without_a_programmers_word():
    engine = playing({"bad": ("faulty", {"fault": "nan"})})
    engine.render()
    assert str(engine.events[0]) == "bad: audio is not finite, or a million times too loud"
