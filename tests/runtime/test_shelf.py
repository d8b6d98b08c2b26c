"""The shelf of a training: what stands on it, what is starred, what makes room, and where outputs point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime import messages as say
from runtime.artifacts import Assets, fingerprint, hash_file
from runtime.cli import main
from runtime.errors import ArtifactError
from runtime.patch import Node, Patch, save
from runtime.shelf import pointed, prune, read_shelf, star, take_over


def put(folder: Path, *steps: int) -> None:
    for step in steps:
        item = folder / "shelf" / f"{step:09d}"
        item.mkdir(parents=True)
        (item / "model.ts").write_text(f"model {step}")
        (item / "weights.ckpt").write_text(f"weights {step}")
        (item / "phrase.flac").write_text(f"phrase {step}")
        card = {"step": step, "phase": "VAE", "fingerprint": hash_file(item / "model.ts")}
        (item / "card.json").write_text(json.dumps(card))


def with_model(folder: Path) -> list[int]:
    return [one.step for one in read_shelf(folder) if one.model is not None]


def test_what_stands_on_a_shelf_is_read_newest_first(tmp_path):
    put(tmp_path, 20, 100, 3)
    (tmp_path / "shelf" / "000000050").mkdir()
    (tmp_path / "shelf" / "notes").mkdir()
    found = read_shelf(tmp_path)
    assert [(one.step, one.phase, one.is_starred) for one in found] == [
        (100, "VAE", False),
        (20, "VAE", False),
        (3, "VAE", False),
    ]
    assert found[0].sound("phrase").read_text() == "phrase 100" and found[0].sound("walk") is None
    assert read_shelf(tmp_path / "nobody") == ()


def test_old_steps_make_room_but_keep_their_sounds_and_the_starred_keep_all(tmp_path):
    put(tmp_path, 1, 2, 3, 4, 5)
    star(tmp_path, 2)
    prune(tmp_path, 2)
    assert with_model(tmp_path) == [5, 4, 2]
    assert all(one.sound("phrase") for one in read_shelf(tmp_path))
    assert not (tmp_path / "shelf" / "000000001" / "weights.ckpt").exists()


def test_outputs_point_at_the_newest_and_at_the_one_starred_last(tmp_path):
    put(tmp_path, 1, 2, 3)
    assert pointed(tmp_path, "latest") == (
        tmp_path / "shelf/000000003/model.ts",
        hash_file(tmp_path / "shelf/000000003/model.ts"),
    )
    assert pointed(tmp_path, "best") is None
    star(tmp_path, 2)
    star(tmp_path, 1)
    assert pointed(tmp_path, "best")[0].parent.name == "000000001"
    star(tmp_path, 1, wanted=False)
    assert pointed(tmp_path, "best")[0].parent.name == "000000002"


def test_a_step_that_is_not_there_or_has_made_room_cannot_be_starred(tmp_path):
    put(tmp_path, 10, 20)
    prune(tmp_path, 1)
    with pytest.raises(ArtifactError, match="there is no step 5 on the shelf; there are: 10, 20"):
        star(tmp_path, 5)
    with pytest.raises(ArtifactError, match="of step 10 only the sounds are left"):
        star(tmp_path, 10)


def test_stars_that_somebody_wrote_into_count_as_none(tmp_path):
    put(tmp_path, 1)
    (tmp_path / "shelf" / "stars.json").write_text('{"a": [')
    assert not read_shelf(tmp_path)[0].is_starred
    (tmp_path / "shelf" / "stars.json").write_text('["x", 1, 2.5, true]')
    assert read_shelf(tmp_path)[0].is_starred and pointed(tmp_path, "best") is not None


def test_a_training_that_goes_on_takes_the_old_shelf_over_and_what_it_puts_there_is_its_own(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    put(old, 1, 2)
    star(old, 1)
    (old / "shelf" / "original.flac").write_text("original")
    put(new, 2)
    take_over(old, new)
    assert [(one.step, one.is_starred) for one in read_shelf(new)] == [(2, False), (1, True)]
    assert (new / "shelf" / "original.flac").exists()
    star(new, 2)
    prune(new, 0)
    assert with_model(old) == [2, 1] and [one.is_starred for one in read_shelf(old)] == [False, True]


def test_an_output_points_at_the_shelf_of_what_is_in_the_making_first(tmp_path):
    assets = Assets(tmp_path / "p.json")
    assert assets.artifact("trainer", "latest") is None
    put(assets.node("trainer"), 100)
    star(assets.node("trainer"), 100)
    put(assets.working("trainer"), 7)
    latest, best = assets.artifact("trainer", "latest"), assets.artifact("trainer", "best")
    assert (latest.path.parent.name, best.path.parent.name) == ("000000007", "000000100")
    latest.verify()
    assert latest.fingerprint == fingerprint(latest.path)
    assert assets.artifact("../trainer", "latest") is None


def test_a_shelf_that_cannot_be_read_makes_no_trouble(tmp_path):
    put(tmp_path, 1, 2)
    (tmp_path / "shelf/000000002/card.json").write_text("[" * 100_000)
    (tmp_path / "shelf/000000001/card.json").write_text("[1]")
    assert read_shelf(tmp_path) == ()


def test_facts_and_words_are_told_in_the_terminal_as_a_line_and_facts_alone_are_not(capsys):
    import sys

    from runtime.terminal.progress import Bars

    bars = Bars(sys.stderr)
    bars(say.JobStarted("trainer"))
    bars(say.JobTold("trainer", "", {"step": 3}))
    bars(say.JobTold("trainer", "12 s of sound", {"seconds": 12}))
    assert capsys.readouterr().err == "trainer: starts\ntrainer: 12 s of sound\n"


def practice(folder: Path) -> Path:
    patch = Patch({}, {"trainer": Node("rave.trainer"), "lfo": Node("control.lfo")}, ())
    save(folder / "p.json", patch)
    return folder / "p.json"


def test_the_shelf_is_listed_and_starred_from_the_command_line(tmp_path, capsys):
    path = practice(tmp_path)
    assets = Assets(path)
    put(assets.node("trainer"), 250, 500)
    card = assets.node("trainer") / "shelf" / "000000500" / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "measures": {"distance": 9.014, "bright": -6.25}}))
    assert main(["shelf", str(path), "trainer", "--star", "250"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  step       500  VAE  distance 9.01, -6.2 dB above 4 kHz",
        "* step       250  VAE  ",
    ]
    assert assets.artifact("trainer", "best").path.parent.name == "000000250"
    assert main(["shelf", str(path), "trainer", "--unstar", "250"]) == 0
    assert assets.artifact("trainer", "best") is None


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trainer"], 2, "trainer has put nothing on its shelf yet"),
        (["nobody"], 2, "nobody is not a node"),
        (["trainer", "--star", "7"], 1, "there is no step 7 on the shelf; there are: 250"),
    ],
)
def test_what_cannot_be_listed_or_starred_is_said(tmp_path, capsys, words, code, message):
    path = practice(tmp_path)
    if "--star" in words:
        put(Assets(path).working("trainer"), 250)
    # The trainer of this patch lacks its corpus: it cannot run, and its shelf can be looked at all the same.
    assert main(["shelf", str(path), *words]) == code
    assert message in capsys.readouterr().err
