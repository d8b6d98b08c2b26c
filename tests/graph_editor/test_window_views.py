"""What nodes show of what they do, in the real window while it plays: meters, waves, pictures, faces, lights, wires."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from graph_editor.theme import DARK, TYPE_COLOURS, icon
from runtime.artifacts import Assets
from runtime.corpus import Corpus, Recording, Slice
from runtime.patch import Link, Node, Patch, save
from runtime.spec import PortType
from tests.screenshots import PATCHES, copies, play, shown
from tests.window import screen, window

pytestmark = pytest.mark.stage
BLUE, GREEN = TYPE_COLOURS[PortType.AUDIO], TYPE_COLOURS[PortType.CONTROL]


@pytest.fixture(scope="module")
def playing(tmp_path_factory):
    """The window on a copy of the demo that plays; a test leaves it as it was."""
    place = tmp_path_factory.mktemp("views")
    (path,) = (path for path in copies(place / "patches") if path.stem == "demo")
    with shown(path, place, 1.0, (1600, 900)) as w:
        assert play(w)
        w.patch_path = path
        yield w


def pixels(w, box):
    """What is seen in a box of the screen, int [height, width, 3]."""
    with Image.open(w.picture(w.folder / "seen.png")) as whole:
        seen = np.asarray(whole.convert("RGB"), int)
    x0, y0, x1, y1 = (round(edge) for edge in box)
    return seen[y0:y1, x0:x1]


def like(seen, colour, within=40):
    """Which pixels are about of a colour."""
    return np.abs(seen - np.array(colour[:3])).max(axis=2) <= within


def middle_of(w, source, target):
    """A point on a wire, where no node lies."""
    start, end = w.pin(source, True), w.pin(target, False)
    return (start[0] + end[0]) / 2, (start[1] + end[1]) / 2


def inspector(w):
    _, y0, x1, y1 = w.ask("canvas")
    return x1 + 2, y0, 1599, y1


def cost(w):
    """CPU seconds of a frame at this moment."""
    return float(np.median(w.ask("cost")[-60:]))


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("level.audio", "output.audio", "channel"),
        ("smoothing.control", "regressor.gesture", "."),
        ("video.image", "face.image", "pixels"),
    ],
)
def test_a_wire_tells_what_travels_on_it_while_the_mouse_rests_there(playing, source, target, told):
    playing.move(*middle_of(playing, source, target))
    playing.until(lambda _: playing.ask("texts", label=f"{source} \u2192 {target}\n"), 10, "what travels")
    (words,) = playing.ask("texts", label=f"{source} \u2192 {target}")
    assert told in words.partition("\n")[2]
    playing.move(2, 2)
    playing.until(lambda _: not playing.ask("texts", label=f"{source} \u2192 {target}"), 10, "the end of the words")


def test_a_meter_is_lit_by_sound_and_goes_dark_in_silence(playing):
    box = playing.node("output")
    assert like(pixels(playing, box), DARK.good).sum() > 200
    playing.click(*playing.title_of("level"))
    playing.key("m")
    try:
        playing.until(lambda _: like(pixels(playing, box), DARK.good).sum() < 20, 20, "the dark meter")
    finally:
        playing.key("ctrl+z")
    playing.until(lambda _: like(pixels(playing, box), DARK.good).sum() > 200, 20, "the meter's light")


def test_a_sound_is_seen_in_the_inspector_as_level_wave_and_spectrum(playing):
    playing.click(*playing.title_of("level"))
    playing.frames(30)
    assert playing.ask("texts", label="peak -")
    seen = pixels(playing, inspector(playing))
    # A line that moves covers many rows; one at rest lies in two or three.
    assert like(seen, BLUE).any(axis=1).sum() > 40
    violet = like(seen, TYPE_COLOURS[PortType.MODEL])
    assert violet.any(axis=1).sum() > 25
    assert violet.any(axis=0).sum() > 100


def test_a_picture_is_shown_and_moves(playing):
    box = playing.node("video")
    one = pixels(playing, box)
    assert len(np.unique(one.reshape(-1, 3), axis=0)) > 1000
    playing.until(lambda _: (np.abs(pixels(playing, box) - one).max(axis=2) > 20).sum() > 200, 20, "another picture")


def test_a_face_has_its_lines_in_the_picture_and_its_features_as_bars_with_their_names(playing):
    playing.until(lambda _: playing.ask("texts", label="a face is seen"), 20, "the face")
    playing.click(*playing.title_of("face"))
    playing.frames(30)
    assert len(playing.ask("texts", label=f"{icon('scan-face')}  a face is seen")) == 2
    x0, y0, x1, y1 = playing.node("face")
    face, plain = pixels(playing, (x0, y0, x1, y1)), pixels(playing, playing.node("video"))
    assert like(face, GREEN).sum() > like(plain, GREEN).sum() + 300
    before = like(face[(len(face) * 55) // 100 :], GREEN).sum()
    lower = (x0, y0 + (y1 - y0) * 0.55, x1, y1)
    playing.until(lambda _: abs(int(like(pixels(playing, lower), GREEN).sum()) - int(before)) > 20, 20, "bars that move")


def test_the_light_tells_within_and_outside_of_what_was_taught(playing):
    playing.until(lambda _: playing.ask("texts", label="within what you taught"), 30, "what is known")
    # From second 6 to 8 of the video the head is turned, and nobody taught that.
    playing.until(lambda _: playing.ask("texts", label="outside what you taught"), 30, "what is not known")


def test_the_decoders_sliders_follow_what_arrives(playing):
    box = playing.node("decoder")
    one = pixels(playing, box)
    playing.until(lambda _: (np.abs(pixels(playing, box) - one).max(axis=2) > 60).sum() > 50, 20, "sliders that move")


def test_a_recording_is_shown_with_its_slices_each_of_which_a_click_plays(playing):
    corpus = Corpus.read(Assets(playing.patch_path).artifact("slicer", "corpus").path, playing.patch_path.parent)
    playing.click(*playing.title_of("slicer"))
    playing.until(lambda _: playing.ask("item", label="waveform"), 20, "the strip")
    playing.frames(30)
    x0, y0, x1, y1 = playing.ask("item", label="waveform")[-1]
    first = corpus.slices[0]
    recording = corpus.recordings[first.recording]
    playing.move(x0 + (x1 - x0) * (first.start + first.end) / 2 / recording.frames, (y0 + y1) / 2)
    playing.frames(5)
    name = recording.path.rpartition("/")[2]
    assert playing.ask("texts", label=f"{name} 0:")
    playing.down()
    playing.up()
    path = str(playing.patch_path.parent / recording.path)
    playing.until(lambda state: state["listening"] == [path, first.start, first.end], 10, "the slice")


def test_the_perform_view_holds_what_is_pinned_and_moves_it(playing):
    before = json.loads(playing.model())
    for name in ("level", "face", "output"):
        playing.click(*playing.title_of(name))
        playing.key("p")
    playing.key("F11")
    try:
        playing.frames(60)
        assert playing.ask("item", label="Face tracker")
        assert playing.ask("texts", label="a face is seen")
        seen = pixels(playing, (0, 0, 1599, 899))
        assert like(seen, DARK.good).sum() > 500
        x0, y0, x1, y1 = playing.ask("pinned", node="level", param="gain")
        playing.drag(((x0 + x1) / 2, (y0 + y1) / 2), (x0 + (x1 - x0) * 0.2, (y0 + y1) / 2))
        assert json.loads(playing.model())["nodes"]["level"]["params"]["gain"] < -30.0
        playing.key("ctrl+z")
        playing.key("Delete")  # locked against edits
        assert set(json.loads(playing.model())["nodes"]) == set(before["nodes"])
    finally:
        playing.key("F11")
    for _ in range(3):
        playing.key("ctrl+z")


def test_what_waits_for_a_node_with_a_problem_is_told_calmer_than_the_problem(tmp_path):
    (path,) = (path for path in copies(tmp_path / "patches") if path.stem == "archive_to_performance")
    with shown(path, tmp_path, 1.0, (1600, 900)) as w:
        w.until(lambda state: len(state["problems"]) > 5, 20, "the problems")
        w.frames(10)
        states = w.ask("shown")["states"]
        assert states["archive"] == states["video"] == "problem"
        assert {states[name] for name in set(states) - {"archive", "video"}} == {"waiting"}
        assert w.ask("texts", label=f"{icon('clock')} waits for archive")


MANY = 6000


def thousands(folder, home):
    """A patch with a slicer of very many slices, and the map of its corpus, made already."""
    shutil.copytree(PATCHES / "demo" / "recordings", folder / "tapes")
    files = sorted(one for one in (folder / "tapes").rglob("*.wav"))
    names = [str(one.relative_to(folder)) for one in files]
    recordings = [Recording(name, f"{number:064x}", 44100, 1, 504_000) for number, name in enumerate(names)]
    patch = Patch(
        nodes={
            "archive": Node("corpus.folder", params={"path": "tapes"}),
            "slicer": Node("corpus.slicer", position=(300.0, 0.0)),
        },
        links=(Link("archive.corpus", "slicer.corpus"),),
    )
    path = folder / "many.json"
    save(path, patch)
    assets = Assets(path)
    begins = [number // len(files) * 8 for number in range(MANY)]
    # Each is long enough to be seen while it is heard, also on a slow machine.
    slices = tuple(Slice(number % len(files), begin, begin + 400_000) for number, begin in enumerate(begins))
    assets.working("slicer").mkdir(parents=True)
    Corpus(folder, tuple(recordings), slices).write(assets.working("slicer"))
    assets.finish("slicer", {"params": {}}, {"corpus": (PortType.CORPUS, assets.working("slicer"))})
    points = np.random.default_rng(0).uniform(0.0, 1.0, (MANY, 2)).astype(np.float32)
    kept = home / "state" / "maps"
    kept.mkdir(parents=True)
    np.save(kept / f"{assets.artifact('slicer', 'corpus').fingerprint}.1.npy", points)
    return path, points, Corpus(folder, tuple(recordings), slices)


def test_a_map_of_thousands_of_points_is_a_picture_whose_points_are_named_and_played_at_once(tmp_path):
    path, points, corpus = thousands(tmp_path / "many", tmp_path / "home")
    with screen() as display, window(path, display=display, home=tmp_path / "home") as w:
        w.frames(20)
        w.click(*w.title_of("slicer"))
        w.until(lambda _: w.ask("texts", label=f"{MANY // 1000} {MANY % 1000:03d} slices"), 30, "the count of slices")
        w.frames(20)
        w.move(1450, 700)
        w.x("click", "--repeat", "25", "--delay", "20", "5")
        w.until(lambda _: w.ask("item", label="Open large"), 30, "the map")
        bare = cost(w)
        w.press("Open large")
        w.until(lambda _: len(w.ask("item", label="hover names a slice")) == 2, 20, "the large map")
        w.frames(20)
        x0, y0, x1, y1 = max(w.ask("item", label="map"), key=lambda one: one[2] - one[0])
        assert like(pixels(w, (x0, y0, x1, y1)), DARK.back, 6).mean() < 0.8, "the points are not drawn"
        places = np.column_stack([x0 + 14 + points[:, 0] * (x1 - x0 - 28), y0 + 14 + (1 - points[:, 1]) * (y1 - y0 - 28)])
        for number in (17, 3000, MANY - 1):
            w.move(*places[number])
            w.frames(4)
            x, y = (round(one) for one in places[number])
            at = int(np.hypot(places[:, 0] - x, places[:, 1] - y).argmin())
            recording = corpus.recordings[corpus.slices[at].recording]
            assert w.ask("texts", label=f"{recording.path.rpartition('/')[2]} 0:0")
        w.down()
        w.up()
        heard = [str(corpus.folder / recording.path), corpus.slices[at].start, corpus.slices[at].end]
        w.until(lambda state: state["listening"] == heard, 10, "the slice")
        for number in range(30):
            w.move(x0 + 20 + number * 25, y0 + 30 + number * 17)
        # Points drawn one by one would cost about 2 ms for a thousand of them.
        assert cost(w) < bare + 0.005
