"""Pictures cut out of a stream of bytes, whatever stands between them and in whatever pieces it comes."""

import numpy as np
import pytest

from nodes.vision_http import LARGEST, JpegSplitter, Unchunker
from tests.camera import encoded, number_of


@pytest.fixture(scope="module")
def jpegs() -> list[bytes]:
    return encoded("numbers", (64, 48))["numbers"][:6]


def with_thumbnail(jpeg: bytes, small: bytes) -> bytes:
    """A picture with a small one in its EXIF segment, as phones take them."""
    inside = b"Exif\0\0" + small
    return jpeg[:2] + b"\xff\xe1" + (len(inside) + 2).to_bytes(2, "big") + inside + jpeg[2:]


@pytest.mark.parametrize("step", [1, 7, 300])
def test_pictures_are_cut_out_of_whatever_stands_between_them(jpegs, step):
    wanted = [with_thumbnail(one, jpegs[0]) for one in jpegs]
    stream = b"junk \xff\xd9\xff" + b"\r\n--next\r\nContent-Type: image/jpeg\r\n\r\n".join([b"", *wanted, b"\xff\xd8"])
    splitter = JpegSplitter()
    found = [splitter.feed(stream[at : at + step]) for at in range(0, len(stream), step)]
    assert [one for one in found if one] == wanted


def test_of_several_pictures_at_once_the_newest_is_given(jpegs):
    splitter = JpegSplitter()
    assert splitter.feed(b"".join(jpegs) + jpegs[0][:200]) == jpegs[-1]
    assert splitter.feed(jpegs[0][200:]) == jpegs[0]


def test_a_picture_is_whole_with_its_last_byte(jpegs):
    splitter = JpegSplitter()
    assert splitter.feed(jpegs[0][:-1]) is None
    assert splitter.feed(jpegs[0][-1:]) == jpegs[0]


def test_a_picture_that_never_ends_is_refused_and_junk_is_not_kept(jpegs):
    splitter = JpegSplitter()
    for _ in range(3):
        assert splitter.feed(bytes(LARGEST // 2)) is None
    splitter.feed(jpegs[0][:-2])
    with pytest.raises(ValueError, match="a picture that never ends"):
        splitter.feed(bytes(LARGEST))


@pytest.mark.parametrize("step", [1, 3, 100])
def test_chunks_are_joined_however_they_arrive(step):
    sent = b"4\r\nabcd\r\n0A;name=x\r\n0123\r\n6789\r\n1\r\nz\r\n0\r\n\r\n"
    unchunker = Unchunker()
    assert b"".join(unchunker.feed(sent[at : at + step]) for at in range(0, len(sent), step)) == b"abcd0123\r\n6789z"


def test_a_chunk_is_given_before_the_next_one_begins():
    assert Unchunker().feed(b"4\r\nab") == b"ab"


def test_what_is_no_chunk_is_refused():
    with pytest.raises(ValueError):
        Unchunker().feed(b"--next\r\n")


def test_numbered_pictures_can_be_read(jpegs):
    import cv2

    read = [number_of(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)) for jpeg in jpegs]
    assert read == list(range(len(jpegs)))
