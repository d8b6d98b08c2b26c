"""The report as its reader meets it: one command, one page in a real browser, and words where something cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from tests.browser import opened
from tests.command import call, write_patch


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's report, of so many seconds that the face has turned where nobody taught it."""
    folder = tmp_path_factory.mktemp("report")
    code, _, err = call("demo", "-o", ".", "--seconds", 0.1, folder=folder)
    assert code == 0, err
    code, out, err = call("report", "demo.json", "-o", "told", "--seconds", 8, folder=folder)
    assert code == 0, err
    assert out.strip() == "told/index.html"
    return folder / "told/index.html"


@pytest.mark.slow
def test_the_page_shows_every_section_and_every_picture_in_a_browser(page):
    seen = opened(page)
    wanted = ["demo", "The checks", "From the archive to the corpus", "The models", "What each latent does", "What it was taught"]
    assert [name for name in wanted if name not in seen["headings"]] == []
    assert "Performance spaces compared" in seen["headings"]
    assert len(seen["images"]) >= 4
    assert all(natural > 400 and shown > 400 for natural, _, shown in seen["images"])


@pytest.mark.slow
@pytest.mark.parametrize("width", [1100, 500])
def test_the_page_is_never_wider_than_the_window(page, width):
    seen = opened(page, width)
    assert seen["width"] <= seen["room"]


@pytest.mark.slow
def test_the_performance_can_be_heard_in_the_browser(page):
    (name, can_play), *sweeps = opened(page)["sounds"]
    assert can_play in ("probably", "maybe")
    assert soundfile.info(page.parent / name).duration == pytest.approx(8.0, abs=0.001)
    assert len(sweeps) == 8  # one for each latent of the demo's model
    assert all(soundfile.info(page.parent / name).duration > 4.0 for name, _ in sweeps)


@pytest.mark.slow
def test_the_page_says_in_sentences_what_made_the_sound_and_when_the_gesture_was_outside(page):
    text = opened(page)["text"]
    assert "learnt its sound from 1 min 31 s of 8 recordings in 6500 steps" in text
    assert "regressor was taught 4 anchors" in text
    outside = float(text.split("For ")[1].split(" % of the performance the gesture was outside")[0])
    assert 10 < outside < 50  # the head is turned from second 6 to 8, and nobody taught that


@pytest.mark.slow
def test_the_model_says_its_own_recordings_nearer_than_others_and_its_first_latent_is_named_by_ear(page):
    lines = [line.strip() for line in opened(page)["text"].splitlines()]
    found = next(line for line in lines if "what it says of other recordings" in line)
    own = float(found.split("trainer: ")[1].split()[0])
    chance = float(found.split(", what it says of other recordings")[0].split()[-1])
    assert own < 0.8 * chance
    assert "louder" in lines


@pytest.mark.slow
def test_a_patch_without_models_and_lessons_has_a_page_that_says_so(tmp_path):
    patch = write_patch(
        tmp_path, {"tone": ("audio.oscillator", {}), "out": ("audio.output", {})}, "tone.audio -> out.audio", name="tone.json"
    )
    code, _, err = call("report", patch.name, "-o", "told", "--seconds", 1, folder=tmp_path)
    assert code == 0, err
    text = opened(tmp_path / "told/index.html")["text"]
    assert "Nothing in this patch was trained or taught." in text
    assert "no control signal steers this patch" in text


@pytest.mark.slow
def test_two_patches_are_compared_on_one_page(tmp_path):
    for name, rate in (("slow", 0.5), ("fast", 2.0)):
        write_patch(
            tmp_path,
            {"hand": ("control.lfo", {"rate": rate}), "tone": ("audio.oscillator", {}), "out": ("audio.output", {})},
            "tone.audio -> out.audio",
            name=f"{name}.json",
        )
    code, _, err = call("report", "slow.json", "fast.json", "-o", "told", "--seconds", 1, folder=tmp_path)
    assert code == 0, err
    seen = opened(tmp_path / "told/index.html")
    assert seen["title"].startswith("slow and fast")
    assert seen["headings"].count("Performance spaces compared") == 1


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    write_patch(tmp_path, {"out": ("audio.output", {})})
    (tmp_path / "told").write_text("mine")
    code, _, err = call("report", "p.json", "-o", "told", folder=tmp_path)
    assert code == 1 and "told is a file; name a folder" in err
    assert (tmp_path / "told").read_text() == "mine"


def test_two_patches_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_patch(tmp_path / folder, {"out": ("audio.output", {})})
    code, _, err = call("report", "a/p.json", "b/p.json", "-o", "told", folder=tmp_path)
    assert code == 1 and "two of the patches have the same name" in err
