"""The client plays the window's document in a real engine on the clock device, and is never held up by it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from pythonosc.udp_client import SimpleUDPClient

from graph_editor.changes import merged
from graph_editor.client import RESTARTS
from runtime import messages as say
from runtime.patch import Patch, loads
from tests.command import ROOT
from tests.graph_editor.clients import CLOCK, free_port, moved, tone, window


@pytest.fixture
def stage(tmp_path):
    with window(tmp_path / "p.json", tone()) as found:
        yield found


def test_a_patch_that_was_never_saved_plays_follows_edits_and_stops(stage):
    stage.play()
    stage.until(lambda: stage.level() == pytest.approx(0.2, rel=0.02))
    stage.edit(tone(gain=-20.0))
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))
    stage.client.stop()
    assert stage.client.state == "stopping"
    stage.until(lambda: stage.client.state == "off")
    assert stage.of(say.Stopped)[-1].fault == "" and stage.client.snapshot is None
    assert not stage.path.exists()


def test_starting_editing_and_stopping_never_hold_up_the_window(stage):
    waits = []

    def timed(call, *arguments):
        began = time.perf_counter()
        call(*arguments)
        waits.append(time.perf_counter() - began)

    big = replace(tone(), nodes={**tone().nodes, **{f"n{number}": tone().nodes["soft"] for number in range(500)}})
    timed(stage.client.play, stage.path, big, CLOCK)
    for number in range(100):  # more than a pipe holds, while nobody reads it yet
        timed(stage.client.edit, big.with_param("soft", "gain", float(-number)))
        timed(stage.client.compile, big, stage.path)
        timed(stage.client.tick)
    stage.until(lambda: stage.client.state == "playing" and stage.level() >= 0)
    timed(stage.client.stop)
    assert max(waits) < 0.1


def test_what_is_edited_while_the_engine_starts_is_played(stage):
    stage.client.play(stage.path, stage.patch, CLOCK)
    stage.edit(tone(gain=-20.0))
    stage.until(lambda: stage.client.state == "playing")
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))


def test_only_what_can_be_heard_is_sent(stage):
    stage.play()
    stage.until(lambda: stage.of(say.Problems))
    stage.settled_level()
    stage.told.clear()
    stage.edit(moved(stage.patch, "soft"))
    stage.edit(replace(stage.patch, view={"comments": ["louder?"]}))
    stage.settled_level()
    assert not stage.of(say.Problems)  # each edit that the engine loads tells them
    stage.edit(stage.patch.without_link("tone.audio", "soft.audio"))
    stage.until(lambda: stage.of(say.Problems))


def test_a_knob_that_is_dragged_glides_in_what_plays_and_loads_nothing_anew(stage):
    stage.play()
    stage.until(lambda: stage.of(say.Problems))
    stage.settled_level()
    stage.told.clear()
    for gain in range(-1, -21, -1):
        stage.edit(stage.patch.with_param("soft", "gain", float(gain)))
        stage.tick()
    assert stage.settled_level() == pytest.approx(0.02, rel=0.02)
    stage.edit(tone())  # back to the default: the param is not named any more
    assert stage.settled_level() == pytest.approx(0.2, rel=0.02)
    assert not stage.of(say.Problems)  # each edit that the engine loads tells them


def test_a_param_that_was_wrong_and_is_mended_is_loaded(stage):
    stage.patch = tone().with_param("soft", "gain", "loud")
    stage.play()
    stage.until(lambda: stage.of(say.Problems) and stage.of(say.Problems)[-1].problems)
    stage.edit(tone(gain=-20.0))
    stage.until(lambda: not stage.of(say.Problems)[-1].problems)
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))


def test_a_setting_that_cannot_change_waits_for_the_next_start_and_nothing_else_does(stage):
    stage.play()
    stage.edit(stage.patch.with_setting("block", 256).with_setting("sample_rate", 48000).with_param("soft", "gain", -20.0))
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))
    assert "cannot change" not in stage.words()
    stage.client.stop()
    stage.until(lambda: stage.client.state == "off")
    stage.play(replace(CLOCK, block=None))
    assert [(event.sample_rate, event.block) for event in stage.of(say.Playing)] == [(44100, 1024), (48000, 256)]


def test_the_window_hears_of_what_osc_changed_and_not_of_what_it_sent_itself(stage):
    port = free_port()
    stage.play(replace(CLOCK, osc=port))
    stage.client.send(say.SetParam("soft", "gain", -10.0))
    stage.edit(stage.patch.with_param("soft", "gain", -10.0).with_param("tone", "level", 0.1))
    stage.settled_level()
    assert not stage.of(say.Changed)
    SimpleUDPClient("127.0.0.1", port).send_message("/glasspatch/param/soft/gain", -20.0)
    (changed,) = stage.until(lambda: stage.of(say.Changed))
    assert changed.what == "soft.gain"
    assert [loads(text).nodes["soft"].params["gain"] for text in (changed.before, changed.text)] == [-10.0, -20.0]


def test_what_osc_changed_comes_back_as_an_edit_and_is_not_sent_again(stage):
    port = free_port()
    stage.play(replace(CLOCK, osc=port))
    stage.settled_level()
    SimpleUDPClient("127.0.0.1", port).send_message("/glasspatch/param/soft/gain", -20.0)
    (changed,) = stage.until(lambda: stage.of(say.Changed))
    stage.told.clear()
    stage.edit(merged(stage.patch, changed.before, changed.text))
    assert stage.settled_level() == pytest.approx(0.02, rel=0.02)
    assert not stage.of(say.Problems)


def test_osc_and_an_edit_at_the_same_moment_both_count(stage):
    port = free_port()
    stage.play(replace(CLOCK, osc=port))
    stage.settled_level()
    SimpleUDPClient("127.0.0.1", port).send_message("/glasspatch/param/soft/gain", -20.0)
    time.sleep(0.3)  # the engine has done it, the window has not heard of it yet
    stage.edit(stage.patch.with_param("tone", "level", 0.1))
    (changed,) = stage.until(lambda: stage.of(say.Changed))
    stage.edit(merged(stage.patch, changed.before, changed.text))
    stage.until(lambda: stage.level() == pytest.approx(0.01, rel=0.02))
    assert stage.patch.nodes["tone"].params["level"] == 0.1


def test_a_scene_that_the_window_recalls_changes_its_document(stage):
    stage.play()
    stage.client.send(say.RecallScene("quiet"))
    (changed,) = stage.until(lambda: stage.of(say.Changed))
    assert loads(changed.text).nodes["soft"].params["gain"] == -20.0


def test_undo_by_osc_is_asked_of_the_window(stage):
    port = free_port()
    stage.play(replace(CLOCK, osc=port))
    stage.edit(tone(gain=-20.0))
    stage.settled_level()
    for address in ("/glasspatch/undo", "/glasspatch/redo"):
        SimpleUDPClient("127.0.0.1", port).send_message(address, 1)
    stage.until(lambda: len(stage.of(say.Asked)) == 2)
    assert [type(event.command) for event in stage.of(say.Asked)] == [say.Undo, say.Redo]
    assert stage.settled_level() == pytest.approx(0.02, rel=0.02)


def test_a_worker_that_is_killed_is_dead_and_plays_the_newest_patch_when_it_is_restarted(stage):
    stage.play()
    stage.settled_level()
    os.kill(stage.client.pid, signal.SIGKILL)
    stage.until(lambda: stage.client.state == "dead")
    assert stage.client.fault and stage.of(say.Stopped)[-1].fault == stage.client.fault
    stage.edit(tone(gain=-20.0))
    stage.client.restart()
    stage.until(lambda: stage.client.state == "playing")
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))
    assert stage.client.fault == ""


def test_with_a_spare_the_sound_is_back_within_a_second_of_the_restart(stage):
    stage.play(replace(CLOCK, spare_after=0.2))
    stage.until(lambda: stage.client.has_spare, 60.0)
    stage.edit(tone(gain=-20.0))
    stage.settled_level()
    os.kill(stage.client.pid, signal.SIGKILL)
    stage.until(lambda: stage.client.state == "dead")
    began = time.monotonic()
    stage.client.restart()
    stage.until(lambda: stage.client.state == "playing")
    assert time.monotonic() - began < 1.0
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))


def test_on_stage_a_dead_worker_is_restarted_unasked_but_not_for_ever(stage):
    stage.client.goes_on = True
    stage.play(replace(CLOCK, spare_after=None))
    for deaths in range(1, RESTARTS + 2):
        stage.until(lambda: stage.client.state == "playing" and stage.client.snapshot is not None)
        os.kill(stage.client.pid, signal.SIGKILL)
        stage.until(lambda deaths=deaths: stage.words().count("it is started again") == deaths or stage.client.state == "dead")
    assert stage.client.state == "dead" and stage.words().count("it is started again") == RESTARTS


def test_a_dead_worker_that_is_played_anew_plays_what_it_is_given(stage):
    stage.play()
    os.kill(stage.client.pid, signal.SIGKILL)
    stage.until(lambda: stage.client.state == "dead")
    stage.patch = tone(gain=-20.0)
    stage.play()
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))


def test_a_dead_worker_can_be_put_away(stage):
    stage.play()
    os.kill(stage.client.pid, signal.SIGKILL)
    stage.until(lambda: stage.client.state == "dead")
    stage.client.stop()
    assert stage.client.state == "off"
    stage.play()


def test_a_restarted_worker_is_silent_where_panic_was_pressed(stage):
    stage.play()
    stage.client.send(say.Stop())
    stage.until(lambda: stage.client.snapshot is not None and stage.client.snapshot.muted)
    os.kill(stage.client.pid, signal.SIGKILL)
    stage.until(lambda: stage.client.state == "dead")
    stage.client.restart()
    stage.until(lambda: stage.client.snapshot is not None)
    assert stage.client.snapshot.muted


def test_a_device_that_is_not_there_is_told_and_leaves_the_client_off(stage):
    stage.client.play(stage.path, stage.patch, replace(CLOCK, device="no such card"))
    stage.until(lambda: stage.client.state == "off")
    assert "no such card" in stage.client.fault
    stage.play()


def test_a_worker_that_hangs_is_ended_all_the_same(stage):
    stage.play()
    os.kill(stage.client.pid, signal.SIGSTOP)
    for number in range(2000):  # more than the pipe holds
        stage.client.send(say.Learn("soft", f"no such param {number}" * 20))
    stage.client.stop()
    stage.until(lambda: stage.client.state == "off", 20.0)


def test_play_while_the_last_one_stops_begins_when_it_has_ended(stage):
    stage.play()
    stage.client.stop()
    stage.client.play(stage.path, tone(gain=-20.0), CLOCK)
    assert stage.client.state == "stopping"
    stage.until(lambda: stage.client.state == "playing")
    stage.until(lambda: stage.level() == pytest.approx(0.02, rel=0.02))
    assert len(stage.of(say.Playing)) == 2


def test_problems_of_the_drawing_and_of_the_engine_come_together(stage):
    broken = Patch(
        nodes={**tone().nodes, "what": replace(tone().nodes["tone"], type="audio.theremin"), "far": tone().nodes["soft"]},
        links=tone().links,
    )
    stage.client.compile(broken, stage.path)
    problems = stage.until(lambda: stage.of(say.Problems))[-1].problems
    assert {problem.node for problem in problems} == {"what", "far"}
    stage.play()
    stage.edit(broken)
    stage.until(lambda: len(stage.of(say.Problems)) > 2)
    again = stage.of(say.Problems)[-1].problems
    assert len(again) == len(set(again)) and {problem.node for problem in again} == {"what", "far"}


def test_the_newest_patch_is_the_one_whose_problems_are_told(stage):
    for number in range(50):
        stage.client.compile(tone().with_node(f"far{number}", tone().nodes["soft"]), None)
    stage.until(lambda: any(p.node == "far49" for event in stage.of(say.Problems) for p in event.problems))
    assert len(stage.of(say.Problems)) < 20


def test_a_performance_of_another_window_is_found_and_stopped(stage, tmp_path):
    with window(tmp_path / "other.json", tone()) as other:
        other.play()
        stage.play()
        assert [patch for _, patch in stage.client.others()] == [str(other.path)]
        stage.client.stop_others()
        stage.until(lambda: "stopped: other.json" in stage.words())
        assert stage.client.state == "playing" and not stage.client.others()


def test_what_is_done_aside_gives_its_result_or_its_error(stage):
    def fail():
        raise OSError("the disk is gone")

    done, failed = stage.client.aside(lambda: 6 * 7), stage.client.aside(fail)
    stage.until(lambda: done.done() and failed.done())
    assert done.result() == 42
    with pytest.raises(OSError, match="the disk is gone"):
        failed.result()


KILLED = """
from pathlib import Path
import sys
from tests.graph_editor.clients import Window, tone

if __name__ == "__main__":
    window = Window(Path(sys.argv[1]), tone())
    window.play()
    print("plays", flush=True)
    sys.stdin.read()
"""


def test_the_sound_of_a_window_that_was_killed_goes_on_until_another_window_stops_it(stage, tmp_path):
    program, path = tmp_path / "killed.py", tmp_path / "killed.json"
    program.write_text(KILLED)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, program, path], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout.readline() == "plays\n"
        killed.kill()
    time.sleep(1.0)
    assert [patch for _, patch in stage.client.others()] == [str(path)]
    stage.client.stop_others()
    stage.until(lambda: "stopped: killed.json" in stage.words())
    assert not stage.client.others()
