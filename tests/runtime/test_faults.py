import numpy as np
import pytest

from runtime.engine import OVERRUNS, Engine
from runtime.faults import tail
from runtime.plan import compile_patch
from tests.fake_streams import patch, registry, rendered

NODES = {"good": ("level", {"level": 0.25}), "bad": "faulty", "out": "out"}
LINKS = ("bad.audio -> out.audio",)


def engine_with(fault, nodes=NODES, links=LINKS, **named):
    drawn = patch(nodes, *links, block=512)
    node = drawn.nodes["bad"]
    drawn = drawn.with_node("bad", type(node)(node.type, params=node.params, fault=fault))
    plan = compile_patch(drawn, registry())
    engine = Engine(plan.settings, **named)
    engine.load(plan)
    return engine


def failing(fault):
    engine = engine_with(fault)
    rendered(engine, 2)
    engine.set_param("bad", "fault", "raise")
    return engine


def test_mute_falls_silent():
    assert not rendered(failing("mute"), 3)[0, 512:].any()


def test_hold_goes_on_with_the_last_block():
    np.testing.assert_allclose(rendered(failing("hold"), 4), 0.5)


def test_bypass_lets_through_what_comes_in():
    engine = engine_with("bypass", links=("good.audio -> bad.audio", *LINKS))
    rendered(engine, 2)
    engine.set_param("bad", "fault", "raise")
    sound = rendered(engine, 3)[0]
    assert np.abs(np.diff(sound)).max() < 0.05
    np.testing.assert_allclose(sound[512:], 0.25)


def test_bypass_without_an_input_is_mute():
    assert not rendered(failing("bypass"), 3)[0, 512:].any()


def test_what_a_node_does_when_it_fails_is_kept_in_the_patch():
    from runtime.patch import dumps, loads

    drawn = loads('{"format": 1, "nodes": {"a": {"type": "x.y", "fault": "hold"}}}')
    assert drawn.nodes["a"].fault == "hold" and loads(dumps(drawn)) == drawn


def test_an_unknown_policy_is_refused():
    from runtime.errors import PatchError
    from runtime.patch import loads

    with pytest.raises(PatchError, match='"fault" must be one of mute, hold, bypass'):
        loads('{"format": 1, "nodes": {"a": {"type": "x.y", "fault": "explode"}}}')


def test_a_tail_begins_where_the_sound_was_with_the_slope_that_it_had():
    sound = np.sin(0.05 * np.arange(512, dtype=np.float32))[None]
    both = np.concatenate([sound, tail(sound, 44100)], axis=1)[0]
    assert np.abs(np.diff(both, 2)).max() < 2 * np.abs(np.diff(sound[0], 2)).max()
    assert not both[512 + 221 :].any()


def test_a_node_that_is_too_slow_again_and_again_is_muted_and_named():
    engine = engine_with("mute", {"bad": ("busy", {}), "out": "out"}, ("bad.audio -> out.audio",), offline=False)
    for _ in range(OVERRUNS + 1):
        engine.instance("bad").wait = 0.08  # a block of 512 lasts 64 ms
        engine.render()
    assert set(engine.failed) == {"bad"} and "blocks in a row" in engine.failed["bad"].message
    assert engine.over_budget >= OVERRUNS and engine.slowest[0] == "bad"


def test_one_hiccup_is_no_fault():
    engine = engine_with("mute", {"bad": ("busy", {}), "out": "out"}, ("bad.audio -> out.audio",), offline=False)
    for number in range(20):
        engine.instance("bad").wait = 0.2 if number == 5 else 0.0
        engine.render()
    assert engine.failed == {} and engine.over_budget == 1


def test_offline_nobody_is_too_slow():
    engine = engine_with("mute", {"bad": ("busy", {}), "out": "out"}, ("bad.audio -> out.audio",))
    for _ in range(OVERRUNS + 1):
        engine.instance("bad").wait = 0.07
        engine.render()
    assert engine.failed == {} and engine.over_budget == 0
