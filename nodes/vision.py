"""Pictures: a camera, and a video file that plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nodes.vision_camera import CameraReader, Picture, stamped
from nodes.vision_reader import VideoReader, quiet_cv2
from runtime.errors import NodeError
from runtime.node import Block, Stream, StreamNode
from runtime.spec import BoolParam, FloatParam, IntParam, NodeSpec, PathParam, Port, PortType, TextParam


class Camera(StreamNode):
    """Look through a camera: one of this machine, or a phone or camera in the network. While it is not there, busy or lost it is
    tried again every second, and the picture is black. A phone needs an app that sends its camera as MJPEG or RTSP; the app
    shows the address. Size and rate are asked of a camera of this machine; one in the network is set in its own app.

    `stamp` is when the picture given last arrived, in seconds of time.perf_counter; None while it is black. The picture itself
    carries it too, so that what is made of it can tell its age."""

    spec = NodeSpec(
        type="vision.camera",
        title="Camera",
        outputs=(Port("image", PortType.IMAGE, "the newest picture"),),
        params=(
            TextParam(
                name="camera",
                doc="empty: the first one; a number; a device such as /dev/video0; or an address: http://... (MJPEG) or rtsp://...",
                live=False,
            ),
            IntParam(name="width", default=0, low=0, high=7680, unit="pixels", doc="0: as the camera likes", live=False),
            IntParam(name="height", default=0, low=0, high=4320, unit="pixels", doc="0: as the camera likes", live=False),
            FloatParam(
                name="rate", default=0.0, low=0.0, high=240.0, unit="pictures/s", doc="0: as the camera likes", live=False
            ),
            BoolParam(name="mirror", default=False, doc="left and right as in a mirror"),
        ),
        exact=False,
        outside=True,
    )
    _reader: CameraReader | None = None

    def prepare(self, stream: Stream, camera: str, width: int, height: int, rate: float) -> None:
        if stream.offline:
            raise NodeError("a camera has no past to render; put a video file (vision.video) in its place, or play a take")
        self._reader = CameraReader(camera, width, height, rate, stream.arrived)
        self._flip = quiet_cv2().flip
        self._black = stamped(np.zeros((height or 480, width or 640, 3), np.uint8), None)
        self._mirrored: tuple[Picture, Picture] | None = None

    def process(self, block: Block, mirror: bool) -> dict[str, Any]:
        picture, self.failure = self._reader.newest()
        if picture is None:
            self.stamp = None
            return {"image": self._black}
        self.stamp = picture.stamp
        if picture.shape != self._black.shape:
            self._black = stamped(np.zeros(picture.shape, np.uint8), None)
        if not mirror:
            return {"image": picture}
        # The same object for the same picture: who looks at it need not look twice.
        if self._mirrored is None or self._mirrored[0] is not picture:
            self._mirrored = picture, stamped(self._flip(picture, 1), picture.stamp)
        return {"image": self._mirrored[1]}

    def close(self) -> None:
        if self._reader:
            self._reader.close()


class Video(StreamNode):
    """Play a video file as a stream of pictures, instead of a camera: the same performance every time. Time begins with the
    first block; the video keeps its own rate. Without loop, the last picture stays at the end."""

    spec = NodeSpec(
        type="vision.video",
        title="Video file",
        outputs=(Port("image", PortType.IMAGE, "the picture of the moment"),),
        params=(
            PathParam(name="path", doc="the video, beside the patch"),
            BoolParam(name="loop", default=True, doc="begin again at the end", live=False),
        ),
        exact=False,
    )
    _reader: VideoReader | None = None

    def prepare(self, stream: Stream, path: Path | None, loop: bool) -> None:
        self._reader = VideoReader(path, loop)
        self._offline, self._sample_rate = stream.offline, stream.sample_rate
        self._origin: int | None = None

    def process(self, block: Block) -> dict[str, Any]:
        if self._origin is None:
            # A node put into a playing patch begins at the video's beginning too.
            self._origin = block.start
        number = int((block.start - self._origin) * self._reader.rate / self._sample_rate + 1e-9)
        return {"image": self._reader.at(number, wait=self._offline)}

    def close(self) -> None:
        if self._reader:
            self._reader.close()
            self.failure = self._reader.failure
