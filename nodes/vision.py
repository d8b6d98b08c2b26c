"""Pictures and faces: a camera, a video file that plays, and a tracker that turns a face into a named gesture."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nodes.vision_camera import CameraReader, Picture, stamped
from nodes.vision_reader import VideoReader, quiet_cv2
from runtime.errors import NodeError
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam, NodeSpec, PathParam, Port, PortType, TextParam


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


DISTANCES = {
    "mouth_width": (78, 308),
    "mouth_height": (13, 14),
    "brow_left": (159, 105),
    "brow_right": (386, 334),
    "eye_left": (159, 145),
    "eye_right": (386, 374),
    "jaw": (1, 200),
    "nostrils": (64, 294),
}
"""Pairs of FaceMesh landmarks (Tecks, Peschlow and Vigliensoni 2024, arXiv 2407.15216)."""
FACE_HEIGHT = (10, 152)
FEATURES = (*DISTANCES, "pitch", "yaw", "roll", "x", "y")
REST = np.array([0.36, 0.03, 0.11, 0.11, 0.06, 0.06, 0.30, 0.26, 0.0, 0.0, 0.0, 0.5, 0.5], np.float32)
"""The gesture before anybody was seen: about the proportions of a resting face, straight, in the middle of the picture."""
NOSE_TILT = 0.151  # radians by which the line from forehead (10) to nose base (2) leans forward in FaceMesh's canonical face


def features(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:
    """The gesture of one face, float32 [13] in the order of FEATURES.

    `landmarks` are FaceMesh's [468 or more, 3]: x and y in parts of the picture, z in parts of its width, smaller nearer to the
    camera. The distances are measured in the picture, in parts of the face's height (landmarks 10 to 152). *left* is left in
    the picture. pitch, yaw, roll are radians, 0 for a face straight ahead: pitch upwards, yaw to the picture's right, roll
    clockwise as seen, from the line between the ears (234, 454) and that from forehead to nose base (10, 2): neither moves
    with the mouth. x, y are the middle of the face (of 10, 152, 234, 454), 0..1 from left and top; outside as it leaves.
    """
    points = np.asarray(landmarks, np.float64) * (width, height, width)

    def distance(pair: tuple[int, int]) -> float:
        return float(np.hypot(*(points[pair[0], :2] - points[pair[1], :2])))

    tall = max(distance(FACE_HEIGHT), 1e-6)
    across = points[454] - points[234]
    across /= max(np.linalg.norm(across), 1e-9)
    down = points[2] - points[10]
    down -= across * (down @ across)
    away = np.cross(across, down)
    # across, down, away are the columns of Rz(roll) Ry(-yaw) Rx(-pitch).
    pitch = -np.arctan2(down[2], away[2]) - NOSE_TILT
    yaw = np.arcsin(np.clip(across[2], -1.0, 1.0))
    roll = np.arctan2(across[1], across[0])
    place = points[[10, 152, 234, 454], :2].mean(axis=0) / (width, height)
    return np.array([*(distance(pair) / tall for pair in DISTANCES.values()), pitch, yaw, roll, *place], np.float32)


class Found(NamedTuple):
    """What the tracker saw: `number` counts the pictures that were tracked, `gesture` float32 [13] and `marks`, all of FaceMesh's
    landmarks, float32 [478, 3], are None where no face is seen; `stamp` is when the picture arrived, if a camera's."""

    number: int
    gesture: np.ndarray | None
    marks: np.ndarray | None
    stamp: float | None


class FaceTracker:
    """FaceMesh with iris for one face. With `beside` it works on a thread of its own on the newest picture, and `track` gives
    what was found last; else `track` works at once. `track` may be called by one thread at a time."""

    def __init__(self, beside: bool) -> None:
        from mediapipe.python.solutions.face_mesh import FaceMesh

        self._mesh = FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=True)
        self._mesh.process(np.zeros((64, 64, 3), np.uint8))  # the first call makes the graph: up to .2 s
        self._seen: np.ndarray | None = None
        self._found = Found(0, None, None, None)
        self._fault: Exception | None = None
        self._closed = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="glasspatch face", daemon=True) if beside else None
        if self._thread:
            self._thread.start()

    def track(self, picture: np.ndarray) -> Found:
        """What was found last. The same picture object as before is not tracked again. Raises what the network raised."""
        if self._fault:
            raise self._fault
        if picture is not self._seen:
            self._seen = picture
            if self._thread:
                self._wake.set()
            else:
                self._look(picture)
        return self._found

    def close(self) -> None:
        """Ends the thread and frees the network. May be called again."""
        if self._closed:
            return
        self._closed = True
        if self._thread:
            self._wake.set()
            self._thread.join(timeout=5.0)
        else:
            self._free()

    def _free(self) -> None:
        with suppress(RuntimeError):  # a network that failed says so once more when it is closed
            self._mesh.close()

    def _look(self, picture: np.ndarray) -> None:
        faces = self._mesh.process(np.ascontiguousarray(picture)).multi_face_landmarks
        gesture = marks = None
        if faces:
            height, width = picture.shape[:2]
            marks = np.array([(mark.x, mark.y, mark.z) for mark in faces[0].landmark], np.float32)
            gesture = features(marks, width, height)
        self._found = Found(self._found.number + 1, gesture, marks, getattr(picture, "stamp", None))

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._closed:
                break
            try:
                self._look(self._seen)
            except Exception as error:  # belongs to whoever asks: a thread that ended unheard would freeze the gesture
                self._fault = error
                break
        self._free()


class Face(StreamNode):
    """Follow a face: eight distances of mouth, brows, eyes, jaw and nostrils in parts of the face's height, how the head is
    turned in radians, and where it is in the picture. *confidence* is 1 while a face is seen and falls to 0 in the ease time
    after it was lost; the tracker knows no finer measure of how sure it is. Left and right are those of the picture.

    `stamp` is when the picture behind the newest gesture arrived from a camera, in seconds of time.perf_counter; else None.
    `marks` are all points of the face."""

    spec = NodeSpec(
        type="vision.face",
        title="Face tracker",
        inputs=(Port("image", PortType.IMAGE, "pictures with one face"),),
        outputs=(
            Port("gesture", PortType.CONTROL, "distances in face heights, head pose in radians, place in the picture 0..1"),
            Port("confidence", PortType.CONTROL, "1 while a face is seen, falling to 0 when it is lost"),
        ),
        params=(
            ChoiceParam(
                name="lost",
                default="hold",
                choices=("hold", "rest"),
                doc="while no face is seen: hold the last gesture, or go to rest, the mean of all gestures seen so far",
            ),
            FloatParam(name="ease", default=0.5, low=0.01, high=10.0, unit="s", log=True, doc="time to go to rest"),
        ),
        exact=False,
    )
    _tracker: FaceTracker | None = None

    def prepare(self, stream: Stream) -> None:
        stream.name("gesture", FEATURES)
        stream.name("confidence", ("confidence",))
        self._tracker = FaceTracker(beside=stream.hurried)
        self._sample_rate = stream.sample_rate
        self._done, self._count = 0, 0
        self._gesture, self._mean = REST, REST.astype(np.float64)
        self._unseen = np.inf  # seconds since a face was seen
        self._at: int | None = None  # the frame at which _gesture and _unseen hold
        self._manner = ("hold", 1.0)  # lost and ease since then

    def process(self, block: Block, image: np.ndarray, lost: str, ease: float) -> dict[str, Any]:
        done, found, self.marks, self.stamp = self._tracker.track(image)
        if found is not None:
            if done != self._done:
                self._count += 1
                self._mean = self._mean + (found - self._mean) / self._count
            self._gesture, self._unseen, self._at = found, 0.0, block.start + block.frames
            gesture = np.repeat(found[:, None], block.steps, axis=1)
            confidence = np.ones((1, block.steps), np.float32)
        else:
            # Time is read off the blocks' starts: beside the engine proper they leave gaps and overlap.
            passed = max(block.start - self._at, 0) / self._sample_rate if self._at is not None else 0.0
            self._gesture = self._faded(np.array([passed]), *self._manner)[:, 0]
            self._unseen, self._at = self._unseen + passed, block.start
            elapsed = np.arange(1, block.steps + 1) * (STEP / self._sample_rate)
            gesture = self._faded(elapsed, lost, ease)
            confidence = np.clip(1.0 - (self._unseen + elapsed[None]) / ease, 0.0, 1.0).astype(np.float32)
        self._done, self._manner = done, (lost, ease)
        return {"gesture": gesture, "confidence": confidence}

    def _faded(self, elapsed: np.ndarray, lost: str, ease: float) -> np.ndarray:
        """The gesture after those seconds without a face, float32 [13, seconds]."""
        # Two thirds of the way in the ease time; a jump to rest would be heard.
        part = 1.0 - np.exp(-elapsed / ease) if lost == "rest" else np.zeros(len(elapsed))
        return (self._gesture[:, None] + (self._mean - self._gesture)[:, None] * part).astype(np.float32)

    def close(self) -> None:
        if self._tracker:
            self._tracker.close()
