from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from runtime import messages as say
from runtime.artifacts import Assets
from runtime.errors import LockedError
from runtime.jobs import MODEST
from runtime.offline import Runner
from runtime.patch import Link, Node, Patch
from runtime.plan import compile_patch
from runtime.records import out_of_date
from tests.fake_jobs import registry


class Bench:
    """A patch file's folder, its assets and the events of its last run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.assets = Assets(folder / "p.json")
        self.events: list[say.JobEvent] = []

    def runner(self, nodes: dict[str, str | tuple[str, dict[str, object]]], *links: str, seed: int = 0, **options) -> Runner:
        made = {}
        for name, what in nodes.items():
            kind, params = (what, {}) if isinstance(what, str) else what
            made[name] = Node(f"fake.{kind}", params=params)
        wires = tuple(Link(*link.split(" -> ")) for link in links)
        plan = compile_patch(Patch({"seed": seed}, made, wires), registry(), self.folder)
        self.events = []
        return Runner(plan, self.assets, self.events.append, **options)

    def run(self, *arguments, **options) -> bool:
        return self.runner(*arguments, **options).run()

    def of(self, kind: type) -> list[str]:
        return [event.node for event in self.events if isinstance(event, kind)]

    def words(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, say.JobFailed)]

    def made(self, node: str, file: str = "made.txt") -> str:
        return (self.assets.node(node) / file).read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


CHAIN = ({"one": "make", "two": "copy"}, "one.corpus -> two.corpus")


def test_a_job_makes_way_for_a_performance(bench):
    assert bench.run({"one": "make"})
    assert int(bench.made("one", "nice.txt")) == min(os.nice(0) + MODEST, 19)


def test_jobs_run_in_dependency_order_and_pass_on_what_they_made(bench):
    assert bench.run(*CHAIN)
    assert bench.of(say.JobDone) == ["one", "two"]
    assert bench.made("one") == bench.made("two")


def test_what_is_made_already_is_skipped(bench):
    bench.run(*CHAIN)
    assert bench.run(*CHAIN)
    assert bench.of(say.JobSkipped) == ["one", "two"] and bench.of(say.JobStarted) == []


def test_a_changed_param_makes_the_node_and_what_depends_on_it_anew(bench):
    bench.run(*CHAIN)
    bench.run({"one": ("make", {"number": 2}), "two": "copy"}, "one.corpus -> two.corpus")
    assert bench.of(say.JobDone) == ["one", "two"] and bench.made("two").startswith("2 ")


def test_a_job_whose_inputs_came_out_the_same_is_skipped(bench):
    bench.run(*CHAIN)
    bench.run(*CHAIN, force=["one"])
    assert bench.of(say.JobDone) == ["one"] and bench.of(say.JobSkipped) == ["two"]


def test_another_seed_makes_everything_anew(bench):
    bench.run(*CHAIN)
    bench.run(*CHAIN, seed=1)
    assert bench.of(say.JobDone) == ["one", "two"]


def test_a_file_that_the_user_changed_makes_the_job_anew(bench):
    (bench.folder / "note.txt").write_text("a")
    nodes = {"one": "make", "two": ("copy", {"path": "note.txt"})}
    bench.run(nodes, "one.corpus -> two.corpus")
    (bench.folder / "note.txt").write_text("bc")
    bench.run(nodes, "one.corpus -> two.corpus")
    assert bench.of(say.JobDone) == ["two"] and bench.made("two").endswith("bc")


def test_a_file_that_was_only_copied_leaves_what_was_made_from_it(bench):
    file = bench.folder / "note.txt"
    file.write_text("a")
    nodes = {"one": "make", "two": ("copy", {"path": "note.txt"})}
    bench.run(nodes, "one.corpus -> two.corpus")
    os.utime(file, (1, 1))
    bench.run(nodes, "one.corpus -> two.corpus")
    assert bench.of(say.JobSkipped) == ["one", "two"]


def test_a_result_that_was_cut_short_is_made_anew(bench):
    bench.run(*CHAIN)
    whole = bench.made("one")
    (bench.assets.node("one") / "made.txt").write_text("")
    bench.run(*CHAIN)
    assert bench.of(say.JobDone) == ["one"] and bench.made("one") == whole


def test_only_one_node_and_what_it_needs_is_made(bench):
    bench.run({"one": "make", "two": "copy", "other": "make"}, "one.corpus -> two.corpus", only="two")
    assert bench.of(say.JobDone) == ["one", "two"]


def test_jobs_that_do_not_need_each_other_run_side_by_side(bench):
    slow = ("steps", {"steps": 10, "pause": 0.05})
    bench.run({"a": slow, "b": slow}, jobs=2)
    kinds = [(type(event), event.node) for event in bench.events]
    assert kinds.index((say.JobStarted, "b")) < kinds.index((say.JobDone, "a"))


def test_jobs_share_the_processors(bench):
    bench.run({"one": "make"}, jobs=os.cpu_count())
    assert bench.made("one").endswith(" 1")


def test_progress_is_told_with_fraction_and_words(bench):
    bench.run({"a": ("steps", {"steps": 4})})
    told = [(event.fraction, event.text) for event in bench.events if isinstance(event, say.JobProgress)]
    assert told == [(0.25, "step 1"), (0.5, "step 2"), (0.75, "step 3"), (1.0, "step 4")]


def test_what_a_library_prints_goes_into_the_log(bench, capfd):
    bench.run({"one": "make"})
    assert "a library prints" in bench.made("one", "log.txt") and "a library prints" not in capfd.readouterr().out


def test_warnings_reach_the_user(bench):
    bench.run(*CHAIN)
    assert [event.message for event in bench.events if isinstance(event, say.JobWarned)] == ["one of the sounds is soft"]


def test_the_record_tells_what_made_the_result(bench):
    bench.run(*CHAIN)
    two, one = bench.assets.lineage("two")
    assert (two["type"], two["version"], two["params"]) == ("fake.copy", 1, {"path": ""})
    assert two["inputs"]["corpus"]["fingerprint"] == one["outputs"]["corpus"]["fingerprint"]
    assert one["node"] == "one" and one["seed"] != two["seed"] and one["versions"]["python"].startswith("3.")


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("refuse", "the corpus has 3 seconds; record at least 10"),
        ("raise", "KeyError: 'colour'"),
        ("die", "its process ended by itself"),
        ("full", "the disk is full"),
        ("forget", "corpus was not written"),
    ],
)
def test_a_job_that_fails_says_why_and_keeps_what_was_made_before(bench, way, words):
    nodes = {"one": ("bad", {"way": way}), "two": "copy", "other": "make"}
    assert not bench.run(nodes, "one.corpus -> two.corpus")
    assert words in bench.words()[0]
    assert bench.words()[1] == "needs one, which could not be made"
    assert bench.of(say.JobDone) == ["other"]


def test_a_failed_new_try_leaves_the_old_result_whole(bench):
    bench.run({"one": "make"})
    before = bench.made("one")
    bench.run({"one": "bad"})
    assert bench.made("one") == before and bench.assets.artifact("one", "corpus") is not None


def test_stopping_keeps_the_work_and_the_next_run_goes_on(bench):
    nodes = {"a": ("steps", {"steps": 40, "pause": 0.05}), "b": "make"}
    runner = bench.runner(nodes)
    threading.Timer(1.2, runner.stop.set).start()
    assert not runner.run()
    assert bench.of(say.JobStopped) == ["a"] and bench.of(say.JobFailed) == []
    done = int((bench.assets.working("a") / "steps.txt").read_text())
    assert 0 < done < 40
    assert bench.run(nodes)
    assert int(bench.made("a", "began.txt")) == done and bench.made("a", "steps.txt") == "40"
    assert any(isinstance(event, say.JobStarted) and event.goes_on for event in bench.events)


def test_work_of_another_job_is_not_gone_on_with(bench):
    runner = bench.runner({"a": ("steps", {"steps": 40, "pause": 0.05})})
    threading.Timer(1.2, runner.stop.set).start()
    runner.run()
    bench.run({"a": ("steps", {"steps": 3})})
    assert bench.made("a", "began.txt") == "0"
    warned = [event.message for event in bench.events if isinstance(event, say.JobWarned)]
    assert "begins anew: steps is 3, was 40 and pause is 0.02, was 0.05" in warned[0]
    assert int((bench.assets.folder / "a.stopped" / "steps.txt").read_text()) > 0


def test_a_job_that_does_not_listen_is_ended_by_a_second_stop(bench):
    runner = bench.runner({"a": ("bad", {"way": "deaf"})})

    def stop() -> None:
        while not bench.of(say.JobProgress):
            time.sleep(0.02)
        runner.stop.set()
        runner.hurry.set()

    threading.Thread(target=stop).start()
    began = time.monotonic()
    assert not runner.run()
    assert time.monotonic() - began < 30 and bench.of(say.JobStopped) == ["a"]


def run_steps(folder: str) -> None:
    bench = Bench(Path(folder))
    bench.run({"a": ("steps", {"steps": 200, "pause": 0.05})})


def test_a_runner_that_is_killed_takes_its_jobs_along_and_loses_nothing(bench):
    parent = multiprocessing.get_context("spawn").Process(target=run_steps, args=(str(bench.folder),))
    parent.start()
    file = bench.assets.working("a") / "steps.txt"
    wait_for(lambda: file.exists() and file.read_text() not in ("", "0"))
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    time.sleep(0.5)
    done = int(file.read_text())
    time.sleep(0.5)
    assert int(file.read_text()) == done, "the child outlived its parent"
    runner = bench.runner({"a": ("steps", {"steps": 200, "pause": 0.05})})
    threading.Timer(1.0, runner.stop.set).start()
    runner.run()
    assert int((bench.assets.working("a") / "began.txt").read_text()) == done


def hold(folder: str) -> None:
    with Assets(Path(folder) / "p.json").lock("run"):
        (Path(folder) / "held").touch()
        time.sleep(30)


def test_two_processes_cannot_run_one_patch_and_the_second_is_told_who(bench):
    other = multiprocessing.get_context("spawn").Process(target=hold, args=(str(bench.folder),))
    other.start()
    try:
        wait_for((bench.folder / "held").exists)
        with (
            pytest.raises(LockedError, match=rf"glasspatch run \(process {other.pid}\) is working on this patch"),
            bench.assets.lock("run"),
        ):
            pass
    finally:
        other.kill()
        other.join()
    with bench.assets.lock("run"):
        pass


def wait_for(is_so) -> None:
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until, "waited 20 s in vain"
        time.sleep(0.02)


def test_a_record_without_outputs_is_not_taken_for_a_result(bench):
    bench.run(*CHAIN)
    path = bench.assets.node("one") / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "outputs": {}}))
    bench.run(*CHAIN)
    assert "one" in bench.of(say.JobDone)


def test_a_damaged_record_of_unfinished_work_begins_anew(bench):
    working = bench.assets.working("one")
    working.mkdir(parents=True)
    (working / "record.json").write_text("[" * 100_000)
    assert bench.run({"one": "make"})


def warnings(bench) -> list[str]:
    return [event.message for event in bench.events if isinstance(event, say.JobWarned)]


def told(bench) -> list[str]:
    return [event.text for event in bench.events if isinstance(event, say.JobTold) and event.text]


def test_a_job_tells_facts_and_words_that_are_worth_a_line(bench):
    bench.run({"a": ("grow", {"steps": 5})})
    events = [event for event in bench.events if isinstance(event, say.JobTold)]
    assert events == [say.JobTold("a", "", {"step": 5}), say.JobTold("a", "counted to 5", {"odd": True})]


def test_an_incidental_param_makes_nothing_anew(bench):
    bench.run({"a": "grow"})
    bench.run({"a": ("grow", {"threads": 8})})
    assert bench.of(say.JobSkipped) == ["a"]


def test_a_record_written_when_the_param_was_not_incidental_is_still_one_of_what_is_made(bench):
    bench.run({"a": ("grow", {"threads": 4})})
    path = bench.assets.node("a") / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "key": "the key of an older rule"}))
    bench.run({"a": ("grow", {"threads": 8})})
    assert bench.of(say.JobSkipped) == ["a"]


def test_a_job_with_more_of_a_further_param_goes_on_from_what_it_made(bench):
    bench.run({"a": "grow"})
    bench.run({"a": ("grow", {"steps": 9, "threads": 2})})
    assert bench.made("a", "count.txt") == "3 9"
    assert (bench.assets.folder / "a.previous" / "count.txt").read_text() == "0 3"
    assert told(bench)[0] == "goes on from what it made before: steps is 9, was 3; the old result will be kept in a.previous"
    assert warnings(bench) == []


def test_a_job_that_was_told_to_begin_anew_is_not_handed_what_it_made(bench):
    bench.run({"a": "grow"})
    bench.run({"a": ("grow", {"steps": 9})}, force=["a"])
    assert bench.made("a", "count.txt") == "0 9"


def test_a_job_with_another_param_is_not_handed_what_it_made_and_says_why(bench):
    bench.run({"a": "grow"})
    bench.run({"a": ("grow", {"first": 10, "steps": 9})})
    assert bench.made("a", "count.txt") == "10 19"
    assert warnings(bench)[0].startswith("is made anew: first is 10, was 0 and steps is 9, was 3")


def test_what_was_begun_goes_on_with_more_of_a_further_param(bench):
    bench.run({"a": "grow"})
    bench.assets.node("a").rename(bench.assets.working("a"))
    bench.run({"a": ("grow", {"steps": 6})})
    assert bench.made("a", "count.txt") == "3 6"
    assert told(bench)[0] == "goes on where it was: steps is 6, was 3"


def test_what_failed_after_it_was_handed_the_old_result_is_handed_it_again(bench):
    bench.run({"a": "grow"})
    old = bench.assets.node("a") / "count.txt"
    old.write_text("7")
    assert not bench.run({"a": ("grow", {"steps": 9})})
    old.write_text("0 3")
    bench.run({"a": ("grow", {"steps": 9})})
    assert bench.made("a", "count.txt") == "3 9"


def test_check_says_that_a_job_would_go_on_and_why(bench):
    bench.run({"a": "grow"})
    plan = bench.runner({"a": ("grow", {"steps": 4})}).plan
    assert out_of_date(plan, bench.assets) == {"a": "would be made anew, going on from what is there: steps is 4, was 3"}


@pytest.mark.parametrize("damage", [{"params": 3}, {"inputs": {"corpus": 1}}, {"files": None, "params": None}])
def test_a_damaged_record_is_no_result(bench, damage):
    bench.run({"a": "grow"})
    path = bench.assets.node("a") / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    bench.run({"a": "grow"})
    assert bench.of(say.JobDone) == ["a"] and bench.made("a", "count.txt") == "0 3"
