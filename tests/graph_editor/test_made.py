"""What was made, read for the eye: waveforms, corpora, cards, tags; and answers that come beside the window."""

import json
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graph_editor import made
from graph_editor.answers import Answers
from graph_editor.jobs import COURSE, JobState, heard
from graph_editor.views.shelf import in_short, measured
from graph_editor.views.training import expected, fitted, history, losses_of, sound_rows, speed, turn_of
from runtime import messages as say
from runtime.corpus import Corpus, Recording, Slice
from runtime.shelf import prune, star

DEMO = Path(__file__).resolve().parents[2] / "patches" / "demo.json"
RATE = 8000


def two_files(folder):
    """A second of 0.5 and -0.25 in turns, and a second of silence with a click of 0.75 in its middle."""
    steps = np.tile([0.5, -0.25], RATE // 2).astype(np.float32)
    click = np.zeros(RATE, np.float32)
    click[RATE // 2] = 0.75
    for name, sound in (("steps", steps), ("click", click)):
        soundfile.write(folder / f"{name}.wav", sound, RATE, subtype="FLOAT")
    recordings = tuple(Recording(f"{name}.wav", name.ljust(64, "0"), RATE, 1, RATE) for name in ("steps", "click"))
    return Corpus(folder, recordings, (Slice(0, 0, RATE), Slice(1, 0, RATE)))


def test_a_waveform_holds_the_lowest_and_highest_sample_of_each_part(tmp_path):
    corpus = two_files(tmp_path)
    found = made.peaks(corpus, corpus.slices, 8)
    np.testing.assert_array_equal(found[:4], np.tile([-0.25, 0.5], (4, 1)))
    np.testing.assert_array_equal(found[4:], [[0, 0], [0, 0], [0, 0.75], [0, 0]])


def test_a_recording_that_has_gone_is_silent_in_the_waveform_and_the_others_are_not(tmp_path):
    corpus = two_files(tmp_path)
    (tmp_path / "steps.wav").unlink()
    found = made.peaks(corpus, corpus.slices, 8)
    assert not found[:4].any()
    assert found[6, 1] == 0.75


def test_a_waveform_of_nothing_is_flat():
    assert not made.peaks(Corpus(Path(), (), ()), (), 5).any()


def test_the_demo_s_corpus_is_read_once_while_nothing_changes():
    found = made.read_corpus(DEMO, "slicer", None)
    assert len(found.corpus.slices) == 162
    assert found.seconds == pytest.approx(91.4, abs=0.1)
    assert made.read_corpus(DEMO, "slicer", found) is found
    assert made.read_corpus(DEMO, "nobody", None).corpus is None


def test_recordings_of_one_folder_belong_together():
    def named(*paths):
        recordings = tuple(Recording(path, path, RATE, 1, 10) for path in paths)
        return Corpus(None, recordings, tuple(Slice(number, 0, 10) for number in (*range(len(paths)), 0)))

    names, numbers = made.groups(named("a/wind/one.wav", "a/metal/two.wav", "a/wind/three.wav"))
    assert names == ("wind", "metal")
    np.testing.assert_array_equal(numbers, [0, 1, 0, 0])
    assert made.groups(named("a/one.wav", "a/two.wav"))[0] == ("one", "two")


def test_a_corpus_cut_short_is_told_in_words(tmp_path):
    folder = tmp_path / "p.assets" / "slicer"
    folder.mkdir(parents=True)
    (folder / "corpus.json").write_text("{")
    record = {"outputs": {"corpus": {"type": "corpus", "path": "p.assets/slicer", "fingerprint": "ab"}}}
    (folder / "record.json").write_text(json.dumps(record))
    found = made.read_corpus(tmp_path / "p.json", "slicer", None)
    assert found.corpus is None
    assert "run the patch again" in found.fault


def test_the_demo_s_model_tells_its_card_and_stands_on_the_shelf():
    found = made.read_model(DEMO, "trainer", None)
    assert found.card["steps"] == 6500
    assert [(one.name, one.step, one.phase, one.shelf) for one in found.shelf] == [("the model", 6500, "GAN", None)]
    assert made.read_model(DEMO, "trainer", found) is found


def put(folder, *steps, model=b"m"):
    for step in steps:
        item = folder / "shelf" / f"{step:09d}"
        item.mkdir(parents=True)
        for name in ("phrase.flac", "walk.flac"):
            (item / name).write_bytes(b"s")
        (item / "model.ts").write_bytes(model)
        card = {"step": step, "phase": "VAE", "fingerprint": f"{model}{step}", "measures": {"distance": 9.5, "bright": -6.2}}
        (item / "card.json").write_text(json.dumps(card))
    (folder / "shelf" / "original.flac").write_bytes(b"o")


def test_the_shelf_shows_what_is_in_the_making_with_its_sounds_and_what_was_stopped(tmp_path):
    stopped, partial = (tmp_path / f"p.assets/trainer{end}" for end in (".stopped", ".partial"))
    put(partial, 1200, 1600)
    star(partial, 1200)
    prune(partial, 0)
    stopped.mkdir(parents=True)
    (stopped / "training.ckpt").write_bytes(b"x")
    found = made.read_model(tmp_path / "p.json", "trainer", None)
    kept = {one.name: one for one in found.shelf}
    assert set(kept) == {"stopped before", "step 1200", "step 1600"}
    one = kept["step 1200"]
    assert (one.step, one.phase, one.shelf, one.is_starred, one.is_whole) == (1200, "VAE", partial, True, True)
    assert (one.phrase.name, one.walk.name, found.original.name) == ("phrase.flac", "walk.flac", "original.flac")
    assert in_short(one) == "distance 9.50  ·  6 dB duller"
    assert in_short(kept["step 1600"]) == "distance 9.50  ·  6 dB duller  ·  sounds only"
    assert "its share above 4 kHz, re the original: -6.2 dB" in measured(one)
    assert made.read_model(tmp_path / "p.json", "trainer", found) is found


def test_a_step_that_a_training_took_over_from_the_one_before_is_shown_once(tmp_path):
    partial, done = (tmp_path / f"p.assets/trainer{end}" for end in (".partial", ""))
    for folder in (partial, done):
        put(folder, 1200)
        (folder / "model.ts").write_bytes(b"m")
        (folder / "model.json").write_text('{"steps": 1200}')
    (kept,) = made.read_model(tmp_path / "p.json", "trainer", None).shelf
    assert kept.shelf == partial


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.417, "0.42 s"),
        (11.43, "11.4 s"),
        (59.96, "1 min"),
        (91.4, "1 min 31 s"),
        (3599.7, "1 h"),
        (6720, "1 h 52 min"),
        (97200, "1 d 3 h"),
    ],
)
def test_lengths_in_words(seconds, words):
    assert made.length(seconds) == words


def test_places_in_a_recording():
    assert [made.clock(seconds) for seconds in (3.21, 760, 3723)] == ["0:03.2", "12:40.0", "1:02:03.0"]


# Training


def told(step, phase="VAE", loss=10.0):
    losses = {"fullband_spectral_distance": loss}
    return {"step": step, "steps": 6500, "phase": phase, "losses": losses, "left": 120.0}


def test_the_course_of_a_training_is_kept_thinned_from_its_first_to_its_last_step():
    jobs = heard({}, say.JobStarted("trainer"))
    for step in range(3000):
        jobs = heard(jobs, say.JobTold("trainer", "", told(step, loss=20 - step / 300)))
        jobs = heard(jobs, say.JobProgress("trainer", step / 6500, f"step {step}"))
    points = losses_of(jobs["trainer"])
    assert len(points) < COURSE
    assert tuple(points[0]) == (0.0, 20.0)
    assert points[-1][0] >= 2990
    assert (np.diff(points[:, 0]) > 0).all()


def test_what_a_job_tells_is_kept_by_name_and_the_time_left_is_the_one_it_tells():
    jobs = heard({}, say.JobTold("trainer", "12 s are in", {"seconds": {"read": 12.0}}))
    jobs = heard(jobs, say.JobTold("trainer", "", told(3, loss=float("nan"))))
    jobs = heard(jobs, say.JobProgress("trainer", 0.1, "step 3"))
    state = jobs["trainer"]
    assert state.facts["seconds"] == {"read": 12.0} and state.facts["step"] == 3 and state.left == 120.0
    assert losses_of(state).shape == (0, 2)
    assert losses_of(JobState("t", "running")).shape == (0, 2)


def test_the_second_phase_begins_where_the_plan_says():
    assert turn_of({"plan": {"VAE": 60, "GAN": 40}, "steps": 100}) == 0.6
    assert turn_of({"plan": {"VAE": 60, "GAN": 40}}) == 0.6
    assert turn_of({"plan": {"VAE": 100, "GAN": 0}, "steps": 100}) is None
    assert turn_of({"plan": 3}) is None and turn_of({}) is None


def test_a_pace_reads_as_people_speak():
    assert (speed(2.5), speed(0.25), speed(0.0)) == ("2.5 steps a second", "4.0 s a step", "")


def test_what_is_known_before_the_first_step_is_said():
    guess = {"seconds": 7200.0, "memory": 1.2e9}
    assert expected({"seconds": {"read": 91.4}, "estimate": guess}) == "1 min 31 s of sound\nwill take about 2 h, 1.2 GB"
    assert expected({}) == ""


def test_the_sound_that_is_in_and_what_was_refused_stand_in_rows():
    rows = sound_rows({"read": 14.0, "training": 13.4, "validation": 1.5, "silent": 0.0}, [{"path": "a", "reason": "is cut"}])
    assert rows == [("sound", "14.0 s"), ("learned from", "13.4 s"), ("held out", "1.5 s"), ("refused", "1 files or parts")]
    assert sound_rows(None, None) == []


def test_losses_are_drawn_by_their_logarithm_from_the_least_to_the_most():
    np.testing.assert_allclose(
        fitted(np.array([[0, 100.0], [50, 10.0], [100, 1.0]]), 100), [[0, 1], [0.5, 0.5], [1, 0]], atol=1e-9
    )
    assert fitted(np.zeros((0, 2)), 10).shape == (0, 2)


def test_a_card_with_garbage_in_its_history_gives_what_is_a_number():
    assert history({"validation": [[1, 2.0], ["x", 3], [4], 5, [6, float("nan")]]}).tolist() == [[1.0, 2.0]]
    assert history({"validation": "none"}).shape == (0, 2)


# Answers


def aside(work):
    future = Future()

    def run():
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run).start()
    return future


def until(ask, wanted, seconds=5.0):
    end = time.monotonic() + seconds
    while ask() != wanted:
        assert time.monotonic() < end, f"{ask()} is not {wanted}"
        time.sleep(0.005)


def test_a_question_is_worked_out_once_beside_and_asked_without_waiting():
    answers, calls, go = Answers(aside), [], threading.Event()

    def work(before):
        go.wait(5)
        calls.append(before)
        return "found"

    assert answers.ask("q", work) is None
    go.set()
    until(lambda: answers.ask("q", work), "found")
    time.sleep(0.05)
    assert answers.ask("q", work) == "found"
    assert calls == [None]


def test_with_again_the_question_is_worked_out_anew_with_the_answer_so_far():
    answers = Answers(aside)
    until(lambda: answers.ask("n", lambda before: min((before or 0) + 1, 3), again=0.01), 3)


def test_what_fails_is_told_and_the_answer_so_far_stays():
    answers, fail = Answers(aside), []

    def work(before):
        if fail:
            raise ValueError("the disk is gone")
        return 1

    until(lambda: answers.ask("q", work, again=0.01), 1)
    fail.append(True)
    until(lambda: (answers.ask("q", work, again=0.01), answers.fault("q")), (1, "the disk is gone"))
