"""Takes as material: which are accepted, and gestures that play again as they were recorded."""

import numpy as np
import pytest

from nodes.take import TakeFile, TakeGesture
from runtime.artifacts import Artifact
from runtime.errors import ArtifactError, NodeError
from runtime.node import STEP
from runtime.spec import PortType
from runtime.takes.take import read_take
from tests.drive import job, stream
from tests.takes import BLOCK, RATE, face, record


def artifact(folder):
    return Artifact(PortType.TAKE, folder, "", {})


def play(folder, params=None, *, frames=40 * BLOCK, block=BLOCK, sample_rate=RATE):
    node = TakeGesture()
    made = stream(node, {}, params, block=block, frames=frames, sample_rate=sample_rate, artifacts={"take": artifact(folder)})
    return node.stream_used.output_names["control"], made["control"]


def recorded(block, output="gesture"):
    """What the face's newest value was in that block."""
    return face(block // 4 * 4)[output]


def test_a_take_from_a_file_is_the_take(tmp_path):
    folder, _ = record(tmp_path / "x.take", 2)
    outputs, _, warnings = job(TakeFile(), tmp_path / "work", {"path": "x.take"}, patch_folder=tmp_path)
    assert outputs == {"take": folder} and warnings == []


def test_a_take_that_was_cut_is_accepted_with_a_warning(tmp_path):
    folder, _ = record(tmp_path / "x.take", 2)
    data = (folder / "take.jsonl").read_bytes()
    (folder / "take.jsonl").write_bytes(data[:-5])
    _, _, warnings = job(TakeFile(), tmp_path / "work", {"path": "x.take"}, patch_folder=tmp_path)
    assert warnings == ["x.take was cut short while it was recorded; it can be used up to there"]


def test_what_is_no_take_is_refused_in_words(tmp_path):
    (tmp_path / "x.take").mkdir()
    with pytest.raises(ArtifactError, match=r"x\.take is no take: it holds no take\.jsonl"):
        job(TakeFile(), tmp_path / "work", {"path": "x.take"}, patch_folder=tmp_path)


def test_a_gesture_plays_again_bit_by_bit_at_its_blocks(tmp_path):
    names, made = play(record(tmp_path / "x.take", 40)[0])
    assert names == ("smile", "brow") and made.dtype == np.float32
    steps = BLOCK // STEP
    for block in range(40):
        for step in range(steps):
            assert made[:, block * steps + step].tobytes() == recorded(block).tobytes()


def test_a_gesture_begins_with_the_takes_sound_and_what_was_held_then(tmp_path):
    _, made = play(record(tmp_path / "x.take", 40, before=30)[0])
    for block in range(40):
        np.testing.assert_array_equal(made[:, block * BLOCK // STEP], recorded(30 + block))


def test_node_and_output_choose_what_plays(tmp_path):
    folder, _ = record(tmp_path / "x.take", 40)
    names, made = play(folder, {"node": "face", "output": "confidence"})
    assert names == ("sure",)
    np.testing.assert_array_equal(made[:, -1], recorded(39, "confidence"))
    names, made = play(folder, {"node": "pad"})
    assert names == ("x",)
    np.testing.assert_array_equal(made[0, :16], np.repeat(np.array([0.0, 0.1], np.float32), 8))  # the pad came in block 1


def test_after_its_end_a_gesture_stays_where_it_is(tmp_path):
    _, made = play(record(tmp_path / "x.take", 10)[0], frames=30 * BLOCK)
    np.testing.assert_array_equal(made[:, -1], recorded(9))


def test_a_loop_begins_again_at_the_end(tmp_path):
    _, made = play(record(tmp_path / "x.take", 10)[0], {"loop": True}, frames=30 * BLOCK)
    once = 10 * BLOCK // STEP
    np.testing.assert_array_equal(made, np.tile(made[:, :once], 3))


@pytest.mark.parametrize("block", [64, 128, 2048])
@pytest.mark.parametrize("loop", [False, True], ids=["once", "looped"])
def test_a_gesture_is_the_same_at_every_block_length(tmp_path, block, loop):
    folder, _ = record(tmp_path / "x.take", 10)
    frames = 32 * BLOCK
    _, expected = play(folder, {"loop": loop}, frames=frames)
    _, made = play(folder, {"loop": loop}, frames=frames, block=block)
    assert made.tobytes() == expected.tobytes()


def test_at_another_sample_rate_a_gesture_keeps_its_time(tmp_path):
    folder, _ = record(tmp_path / "x.take", 40)
    _, made = play(folder, frames=20 * BLOCK, sample_rate=RATE // 2)
    for block in range(0, 40, 4):
        at = block * BLOCK // 2 // STEP
        np.testing.assert_array_equal(made[:, at], recorded(block))


def test_a_take_that_was_cut_plays_up_to_the_cut(tmp_path):
    folder, _ = record(tmp_path / "x.take", 40)
    lines = (folder / "take.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "take.jsonl").write_bytes(b"".join(lines[:7]) + lines[7][:9])
    last = read_take(folder).gestures["face", "gesture"].values[-1]
    _, made = play(folder)
    np.testing.assert_array_equal(made[:, -1], last)
    assert not np.array_equal(last, recorded(39))


def test_a_gesture_that_was_not_recorded_is_refused_with_those_that_were(tmp_path):
    folder, _ = record(tmp_path / "x.take", 2)
    with pytest.raises(NodeError, match=r"x\.take has no gesture hand; it has face\.gesture, face\.confidence, pad\.control"):
        play(folder, {"node": "hand"})
    with pytest.raises(NodeError, match=r"has no gesture of any node\.picture; it has"):
        play(folder, {"output": "picture"})


def test_two_instances_share_nothing_and_give_new_arrays(tmp_path):
    folder, _ = record(tmp_path / "x.take", 10)
    one, two = play(folder)[1], play(folder)[1]
    assert one.tobytes() == two.tobytes() and not np.shares_memory(one, two)
