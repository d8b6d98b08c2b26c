"""The client runs real jobs in processes of their own, and knows how far each is."""

import time

import numpy as np
import pytest
import soundfile

from graph_editor import taught
from graph_editor.jobs import JobState, Planned, heard
from runtime import messages as say
from runtime.artifacts import Assets
from runtime.corpus import Corpus
from runtime.patch import Link, Node, Patch
from tests.graph_editor.clients import tone, window

PACKAGES = ("nodes", "tests.graph_editor.slow_nodes")


def recordings(folder):
    """Two recordings of four beats each."""
    folder.mkdir(parents=True)
    beat = np.exp(-np.arange(11025) / 900.0) * np.sin(np.arange(11025) * 0.2)
    for name, level in (("low", 0.3), ("high", 0.6)):
        soundfile.write(folder / f"{name}.wav", level * np.tile(beat, 4), 22050)


ARCHIVE = Patch(
    nodes={"archive": Node("corpus.folder", params={"path": "tapes"}), "slicer": Node("corpus.slicer")},
    links=(Link("archive.corpus", "slicer.corpus"),),
)


def counting(**nodes):
    """Jobs that count to a number, a step each 20 ms."""
    return Patch(nodes={name: Node("fake.steps", params={"steps": steps}) for name, steps in nodes.items()})


@pytest.fixture
def jobs(tmp_path):
    with window(tmp_path / "p.json", ARCHIVE, PACKAGES) as found:
        yield found


def phases(jobs):
    return {node: job.phase for node, job in jobs.client.jobs.items()}


def test_a_patch_makes_what_is_not_made_yet_and_says_so(jobs, tmp_path):
    recordings(tmp_path / "tapes")
    jobs.client.run(jobs.path, ARCHIVE)
    jobs.until(lambda: phases(jobs) == {"archive": "done", "slicer": "done"})
    corpus = Assets(jobs.path).artifact("slicer", "corpus")
    assert len(Corpus.read(corpus.path, tmp_path).slices) == 8
    assert [event.node for event in jobs.of(say.JobDone)] == ["archive", "slicer"]
    jobs.client.run(jobs.path, ARCHIVE)
    jobs.until(lambda: phases(jobs) == {"archive": "skipped", "slicer": "skipped"})
    jobs.client.run(jobs.path, ARCHIVE, only="archive", force=("archive",))
    jobs.until(lambda: phases(jobs) == {"archive": "done"})


def test_a_job_that_fails_says_why_and_so_does_what_waits_for_it(jobs, tmp_path):
    (tmp_path / "tapes").mkdir()
    jobs.client.run(jobs.path, ARCHIVE)
    jobs.until(lambda: phases(jobs) == {"archive": "failed", "slicer": "failed"})
    assert "holds no sound that can be read" in jobs.client.jobs["archive"].text
    assert jobs.client.jobs["slicer"].text == "needs archive, which could not be made"


def test_a_node_that_cannot_run_is_told_with_its_reason(jobs):
    jobs.client.run(jobs.path, ARCHIVE, only="slicer")
    jobs.until(lambda: jobs.words())
    assert jobs.words().startswith("slicer cannot run: it waits for archive")


def test_how_far_a_job_is_and_how_long_it_will_take_is_known_while_it_runs(jobs):
    jobs.client.run(jobs.path, counting(one=100, two=100))
    jobs.until(lambda: jobs.client.jobs.get("one") and jobs.client.jobs["one"].left is not None)
    one = jobs.client.jobs["one"]
    assert one.phase == "running" and 0.0 < one.fraction < 1.0 and one.text.startswith("step ")
    assert 0.0 < one.left < 30.0
    assert phases(jobs)["two"] == "waiting"


def test_one_job_is_stopped_and_the_others_go_on_and_it_goes_on_where_it_was(jobs):
    patch = counting(one=200, two=3)
    jobs.client.run(jobs.path, patch)
    jobs.until(lambda: jobs.client.jobs.get("one") and jobs.client.jobs["one"].fraction)
    jobs.client.stop_job("one")
    jobs.until(lambda: phases(jobs) == {"one": "stopped", "two": "done"})
    assert not (jobs.path.parent / "p.assets" / "one").exists()
    jobs.client.run(jobs.path, patch)
    jobs.until(lambda: jobs.client.jobs["one"].phase == "running")
    assert jobs.of(say.JobStarted)[-1].goes_on


def test_a_job_is_stopped_before_its_turn_comes(jobs):
    jobs.client.run(jobs.path, counting(one=30, two=3))
    jobs.until(lambda: jobs.client.jobs.get("one") and jobs.client.jobs["one"].fraction)
    jobs.client.stop_job("two")
    jobs.until(lambda: phases(jobs) == {"one": "done", "two": "stopped"})


def test_all_jobs_stop_and_runs_that_waited_are_forgotten(jobs, tmp_path):
    recordings(tmp_path / "tapes")
    jobs.client.run(jobs.path, counting(one=500, two=500))
    jobs.until(lambda: jobs.client.jobs.get("one") and jobs.client.jobs["one"].fraction)
    jobs.client.run(jobs.path, ARCHIVE)
    jobs.client.stop_jobs()
    jobs.until(lambda: phases(jobs) == {"one": "stopped", "two": "stopped"})
    jobs.client.run(jobs.path, counting(three=1))
    jobs.until(lambda: phases(jobs) == {"three": "done"})
    assert not jobs.of(say.JobFailed)


def test_a_second_run_waits_for_the_first(jobs, tmp_path):
    recordings(tmp_path / "tapes")
    jobs.client.run(jobs.path, counting(one=10))
    jobs.until(lambda: jobs.client.jobs)
    jobs.client.run(jobs.path, ARCHIVE)
    jobs.until(lambda: phases(jobs) == {"archive": "done", "slicer": "done"})
    assert [event.node for event in jobs.of(say.JobDone)] == ["one", "archive", "slicer"]


def test_a_patch_that_another_process_works_on_is_told_so(jobs):
    with Assets(jobs.path).lock("run"):
        jobs.client.run(jobs.path, counting(one=1))
        jobs.until(lambda: jobs.words())
    assert "is working on this patch" in jobs.words()


def test_closing_the_window_ends_its_jobs_at_a_checkpoint(tmp_path):
    with window(tmp_path / "p.json", ARCHIVE, PACKAGES) as jobs:
        jobs.client.run(jobs.path, counting(one=2000))
        jobs.until(lambda: jobs.client.jobs.get("one") and jobs.client.jobs["one"].fraction)
        began = time.monotonic()
        jobs.client.close()
        assert time.monotonic() - began < 8.0
        done = int((tmp_path / "p.assets" / "one.partial" / "steps.txt").read_text())
        time.sleep(0.3)
        assert done == int((tmp_path / "p.assets" / "one.partial" / "steps.txt").read_text())


def test_what_plays_takes_over_what_a_job_has_made(jobs, tmp_path):
    recordings(tmp_path / "tapes")
    nodes = {"made": Node("fake.steps", params={"steps": 2})}
    jobs.patch = Patch(nodes={**tone().nodes, **nodes}, links=tone().links)
    jobs.play()
    jobs.settled_level()
    before = len(jobs.of(say.Problems))
    jobs.client.run(jobs.path, jobs.patch)
    jobs.until(lambda: phases(jobs) == {"made": "done"})
    jobs.until(lambda: len(jobs.of(say.Problems)) > before)  # the engine has looked again at what lies beside the patch


def test_a_job_that_goes_on_is_not_thought_to_have_been_quick():
    jobs = heard({}, Planned(("one",)))
    jobs = heard(jobs, say.JobStarted("one", goes_on=True))
    jobs = heard(jobs, say.JobProgress("one", 0.9, "epoch 90"))
    assert jobs["one"].left is None
    time.sleep(0.1)
    jobs = heard(jobs, say.JobProgress("one", 0.95, "epoch 95"))
    assert jobs["one"].left == pytest.approx(0.1, rel=0.3)
    assert heard(jobs, say.Told("hello")) is jobs


def test_a_job_keeps_its_warnings():
    jobs = heard({}, say.JobWarned("one", "a file is soft"))
    jobs = heard(jobs, say.JobWarned("one", "a file is short"))
    assert jobs == {"one": JobState("one", "waiting", since=jobs["one"].since, warnings=("a file is soft", "a file is short"))}


def test_what_a_node_was_taught_is_read_put_back_and_removed(tmp_path):
    path, folder = tmp_path / "p.json", tmp_path / "p.assets" / "regressor"
    assert taught.read(path, "regressor") == {}
    files = {"examples.json": b"{}", "examples.npz": b"\0\1"}
    taught.write(path, "regressor", files)
    assert taught.read(path, "regressor") == files
    taught.write(path, "regressor", {"examples.json": b"[]"})
    assert [file.name for file in folder.iterdir()] == ["examples.json"]
    taught.write(path, "regressor", {})
    assert taught.read(path, "regressor") == {}


def test_what_a_job_made_is_never_taken_for_what_was_taught(jobs, tmp_path):
    recordings(tmp_path / "tapes")
    jobs.client.run(jobs.path, ARCHIVE, only="archive")
    jobs.until(lambda: phases(jobs) == {"archive": "done"})
    assert jobs.client.taught_files(jobs.path, "archive") == {}
    taught.write(jobs.path, "archive", {})
    assert Assets(jobs.path).artifact("archive", "corpus").path.exists()
