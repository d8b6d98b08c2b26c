"""Nodes that are muted or bypassed, and that nobody hears a click when they are while the sound goes on."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.engine import Engine
from runtime.patch import SUBPATCH, Inside, Link, Node, Patch
from runtime.plan import compile_patch
from runtime.registry import discover
from runtime.terminal.open import NODES
from tests.fake_streams import patch, rendered
from tests.fake_streams import registry as fakes
from tests.runtime.test_transition import OTHER, OUT, TONE, sharpest

REGISTRY = discover(NODES)
SOUND = 0.4 * (2 * np.pi * 331 / 44100) ** 2
"""The second difference of the highest tone that plays."""


def with_mode(drawn, **modes):
    nodes = {name: replace(node, mode=modes.get(name)) for name, node in drawn.nodes.items()}
    return replace(drawn, nodes=nodes)


def fake(drawn, **modes):
    plan = compile_patch(with_mode(drawn, **modes), fakes())
    assert plan.problems == ()
    return plan


def playing(plan):
    engine = Engine(plan.settings)
    assert engine.load(plan) == []
    return engine


CHAIN = patch(
    {"count": ("count", {"step": 1e-5}), "level": "level", "out": "out"}, "count.audio -> level.audio", "level.audio -> out.audio"
)


def test_a_muted_node_is_silent():
    engine = playing(fake(CHAIN, level="mute"))
    assert np.all(rendered(engine, 20) == 0.0)


def test_a_bypassed_node_lets_pass_what_comes_in():
    assert np.array_equal(
        rendered(playing(fake(CHAIN, level="bypass")), 20),
        rendered(playing(fake(CHAIN.with_param("level", "level", 1.0))), 20),
    )


def test_a_bypassed_node_without_an_input_of_that_type_is_silent():
    assert np.all(rendered(playing(fake(CHAIN, count="bypass")), 20) == 0.0)


def test_a_bypassed_node_with_an_open_input_is_silent():
    assert np.all(rendered(playing(fake(CHAIN.without_link("count.audio", "level.audio"), level="bypass")), 20) == 0.0)


def test_a_bypassed_mix_lets_pass_all_that_comes_in():
    drawn = patch(
        {"a": ("level", {"level": 0.125}), "b": ("level", {"level": 0.25}), "mix": "sum", "out": "out"},
        "a.audio -> mix.audio", "b.audio -> mix.audio", "mix.audio -> out.audio",
    )  # fmt: skip
    assert rendered(playing(fake(drawn, mix="bypass")), 20)[0, -1] == 0.375


def test_a_muted_output_plays_nothing():
    assert np.all(rendered(playing(fake(CHAIN, out="mute")), 20) == 0.0)


def test_a_muted_node_does_not_go_on():
    plan = fake(CHAIN)
    engine = playing(plan)
    rendered(engine, 4)
    count = engine.instance("count")
    engine.load(fake(CHAIN, count="mute"))
    rendered(engine, 20)
    stands = count.frame
    rendered(engine, 20)
    assert count.frame == stands
    engine.load(plan)
    rendered(engine, 20)
    assert engine.instance("count") is count and not count.closed and count.frame > stands


GESTURES = patch({"gesture": "gesture", "calm": "calm"}, "gesture.control -> calm.control")


def test_a_muted_control_stays_where_it_was():
    engine = playing(fake(GESTURES))
    rendered(engine, 5)
    last = engine.value("gesture", "control")[:, -1]
    engine.load(fake(GESTURES, gesture="mute"))
    rendered(engine, 30)
    held = engine.value("gesture", "control")
    assert held.shape == (2, 1)
    np.testing.assert_array_equal(held[:, -1], last)
    assert engine.names("gesture", "control") == ("left", "right")


def test_a_bypassed_control_lets_pass_what_has_as_many_dimensions():
    engine = playing(fake(GESTURES, calm="bypass"))
    rendered(engine, 5)
    np.testing.assert_array_equal(engine.value("calm", "control"), engine.value("gesture", "control"))


def test_a_node_that_is_off_adds_no_latency():
    drawn = patch({"count": "count", "back": "back", "out": "out"}, "count.audio -> back.audio", "back.audio -> out.audio")
    assert playing(fake(drawn, back="bypass")).latency_from("count") == 0


def test_a_failed_node_that_is_bypassed_lets_pass_what_comes_in():
    drawn = patch(
        {"level": ("level", {"level": 0.25}), "bad": ("faulty", {"fault": "raise"}), "out": "out"},
        "level.audio -> bad.audio", "bad.audio -> out.audio",
    )  # fmt: skip
    engine = playing(fake(drawn))
    rendered(engine, 4)
    assert set(engine.failed) == {"bad"}
    engine.load(fake(drawn, bad="bypass"))
    assert rendered(engine, 40)[0, -1] == 0.25
    assert engine.failed == {}


def test_jobs_are_made_whatever_their_mode():
    from tests.fakes import registry

    drawn = Patch(nodes={"writer": Node("fake.writer", mode="mute")})
    assert [(step.node, step.mode) for step in compile_patch(drawn, registry()).jobs] == [("writer", None)]


# While it plays


def compiled(drawn):
    plan = compile_patch(drawn, REGISTRY)
    assert [problem for problem in plan.problems if problem.stops] == []
    return plan


def real(nodes, *links, block=512):
    made = {name: Node(kind, params=params) for name, (kind, params) in nodes.items()}
    return Patch({"block": block}, made, tuple(Link(*(end.strip() for end in link.split("->"))) for link in links))


EFFECT = ("audio.gain", {"gain": -12.0})
CLEAN = ({"tone": TONE, "soft": EFFECT, "out": OUT}, "tone.audio -> soft.audio", "soft.audio -> out.audio")


@pytest.mark.parametrize("block", [64, 256, 512, 2048])
@pytest.mark.parametrize(
    "modes",
    [{"tone": "mute"}, {"soft": "mute"}, {"soft": "bypass"}, {"out": "mute"}, {"tone": "mute", "soft": "bypass"}],
    ids=str,
)
def test_switching_a_node_off_and_on_is_no_sharper_than_the_sound_itself(modes, block):
    drawn = real(*CLEAN, block=block)
    engine = playing(compiled(drawn))
    rendered(engine, 4096 // block)
    engine.load(compiled(with_mode(drawn, **modes)))
    off = rendered(engine, 8192 // block)[0]
    engine.load(compiled(drawn))
    on = rendered(engine, 8192 // block)[0]
    assert sharpest(np.concatenate([off, on])) < 1.5 * SOUND
    assert np.abs(on[-1000:]).max() == pytest.approx(0.4 * 10 ** (-12 / 20), rel=0.02)
    level = {"soft": 0.4}.get(next(iter(modes)), 0.0) if list(modes.values()) == ["bypass"] else 0.0
    assert np.abs(off[-1000:]).max() == pytest.approx(level, abs=0.01)


def in_a_subpatch(mode, block):
    within = Inside(
        real({"soft": EFFECT, "softer": EFFECT}, "soft.audio -> softer.audio"), {"dry": "soft.audio"}, {"wet": "softer.audio"}
    )
    drawn = real({"tone": TONE, "out": OUT}, "tone.audio -> fx.dry", "fx.wet -> out.audio", block=block)
    return drawn.with_node("fx", Node(SUBPATCH, inside=within, mode=mode))


@pytest.mark.parametrize("block", [64, 512, 2048])
@pytest.mark.parametrize(("mode", "level"), [("mute", 0.0), ("bypass", 0.4)])
def test_switching_a_subpatch_off_and_on_is_no_sharper_than_the_sound_itself(mode, level, block):
    engine = playing(compiled(in_a_subpatch(None, block)))
    rendered(engine, 4096 // block)
    engine.load(compiled(in_a_subpatch(mode, block)))
    off = rendered(engine, 8192 // block)[0]
    engine.load(compiled(in_a_subpatch(None, block)))
    on = rendered(engine, 8192 // block)[0]
    assert sharpest(np.concatenate([off, on])) < 1.5 * SOUND
    assert np.abs(off[-1000:]).max() == pytest.approx(level, abs=0.01)
    assert np.abs(on[-1000:]).max() == pytest.approx(0.4 * 10 ** (-24 / 20), rel=0.02)


def test_one_switch_after_the_other_without_a_pause_leaves_no_click():
    drawn = real({"tone": TONE, "other": OTHER, "mix": ("audio.mix", {}), "soft": EFFECT, "out": OUT},
        "tone.audio -> mix.audio", "other.audio -> mix.audio", "mix.audio -> soft.audio", "soft.audio -> out.audio")  # fmt: skip
    drawn = drawn.with_param("tone", "level", 0.2).with_param("other", "level", 0.2)
    engine = playing(compiled(drawn))
    sound = [rendered(engine, 8)[0]]
    for modes in ({"soft": "bypass"}, {"soft": "mute"}, {"mix": "bypass"}, {"tone": "mute"}, {"tone": "mute", "out": "mute"}, {}):
        engine.load(compiled(with_mode(drawn, **modes)))
        sound.append(rendered(engine, 1)[0])
    sound.append(rendered(engine, 40)[0])
    assert sharpest(np.concatenate(sound)) < 1.5 * SOUND
    assert np.abs(sound[-1][-2000:]).max() == pytest.approx(0.4 * 10 ** (-12 / 20), rel=0.1)


def test_a_mapping_that_is_muted_holds_and_the_models_behind_it_play_on():
    drawn = patch(
        {"gesture": "gesture", "calm": "calm", "level": "level", "out": "out"},
        "gesture.control -> calm.control",
        "level.audio -> out.audio",
    )
    engine = playing(fake(drawn))
    rendered(engine, 20)
    engine.load(fake(drawn, calm="mute"))
    assert np.all(rendered(engine, 30)[0] == 0.5)
