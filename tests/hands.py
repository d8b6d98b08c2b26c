"""Drawn hands that mediapipe takes for real ones: palms of shaded capsules, with fingers that spread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

SKIN = np.array([224.0, 172.0, 140.0], np.float32)
GROUND = (60.0, 70.0, 80.0)
LIGHT = np.array([-0.4, -0.6, 0.7]) / np.sqrt(1.01)
FINGERS = ((-0.27, 0.30, 0.34, -1.1), (-0.10, 0.36, 0.42, -0.3), (0.07, 0.34, 0.40, 0.4), (0.23, 0.27, 0.31, 1.3))
"""For index to little finger: where it begins, its length, how far it turns where the hand is spread; in parts of a hand."""
HANDS: dict[str, dict[str, float]] = {
    "rest": {},
    "spread": {"spread": 0.3},
    "closed": {"spread": 0.06},
    "low": {"y": 0.12},
    "near": {"size": 0.5},
}
"""spread in radians a finger; lean in radians (clockwise as seen); x and y in widths and heights of the picture, from where the
hand is; size in heights."""
REST = {"spread": 0.16, "lean": 0.0, "x": 0.0, "y": 0.0, "size": 0.42}
MOVE = 0.4


class Canvas:
    """A picture on which capsules are drawn, each lit from above left, the nearer ones in front."""

    def __init__(self, width: int, height: int) -> None:
        self.picture = np.full((height, width, 3), GROUND, np.float32)
        self._depth = np.full((height, width), -np.inf, np.float32)
        self._y, self._x = np.mgrid[0:height, 0:width].astype(np.float32)

    def capsule(self, one: np.ndarray, two: np.ndarray, thick: float, thin: float, near: float) -> None:
        """From one point to another (pixels), so thick at its ends."""
        reach = max(thick, thin) + 1
        low = np.floor(np.minimum(one, two) - reach).astype(int)
        high = np.ceil(np.maximum(one, two) + reach).astype(int)
        part = np.s_[max(low[1], 0) : max(high[1], 0), max(low[0], 0) : max(high[0], 0)]
        x, y = self._x[part], self._y[part]
        way = two - one
        share = np.clip(((x - one[0]) * way[0] + (y - one[1]) * way[1]) / max(float(way @ way), 1e-6), 0.0, 1.0)
        radius = thick + (thin - thick) * share
        dx, dy = (x - one[0] - share * way[0]) / radius, (y - one[1] - share * way[1]) / radius
        away = dx * dx + dy * dy
        up = np.sqrt(np.clip(1.0 - away, 0.0, 1.0))
        depth = np.where(away < 1.0, near + up * radius, -np.inf)
        front = depth > self._depth[part]
        light = 0.45 + 0.6 * np.clip(dx * LIGHT[0] + dy * LIGHT[1] + up * LIGHT[2], 0.0, 1.0)
        self.picture[part][front] = (SKIN * light[..., None])[front]
        self._depth[part][front] = depth[front]


def draw_hand(canvas: Canvas, side: str, pose: dict[str, float]) -> None:
    """A palm that faces the camera: the "left" one on the left of the picture as in a mirror, its thumb towards the middle."""
    height, width = canvas.picture.shape[:2]
    value = {**REST, **pose}
    turn = 1.0 if side == "right" else -1.0
    centre = np.array([(0.5 + 0.24 * turn + value["x"]) * width, (0.56 + value["y"]) * height])
    scale = value["size"] * height
    cos, sin = np.cos(value["lean"]), np.sin(value["lean"])

    def at(point: Any) -> np.ndarray:
        x, y = turn * point[0], -point[1]
        return centre + scale * np.array([cos * x - sin * y, sin * x + cos * y])

    def limb(one: Any, two: Any, thick: float, thin: float, near: float = 0.0) -> None:
        canvas.capsule(at(one), at(two), thick * scale, thin * scale, near * scale)

    limb((0.0, -0.9), (0.0, -0.3), 0.2, 0.22)
    for low, high in ((-0.17, -0.26), (-0.07, -0.1), (0.04, 0.06), (0.14, 0.2)):
        limb((low, -0.25), (high, 0.28), 0.17, 0.12)
    for x, y, length, share in FINGERS:
        place, angle = np.array([x, y]), share * value["spread"]
        for part, thick, thin in ((0.77, 0.085, 0.075), (0.48, 0.075, 0.07), (0.42, 0.07, 0.06)):
            end = place + length * part * np.array([np.sin(angle), np.cos(angle)])
            limb(place, end, thick, thin)
            place = end
    place = np.array([-0.2, -0.15])
    for angle, length, thick, thin in ((-1.0, 0.28, 0.13, 0.1), (-0.75, 0.2, 0.1, 0.085), (-0.5, 0.18, 0.085, 0.07)):
        angle *= 0.6 + 2.2 * value["spread"]
        end = place + length * np.array([np.sin(angle), np.cos(angle)])
        limb(place, end, thick, thin, 0.02)
        place = end


def hands_picture(
    left: dict[str, float] | None, right: dict[str, float] | None, size: tuple[int, int] = (640, 480)
) -> np.ndarray:
    """A picture of one or two hands, uint8 [h, w, 3] RGB."""
    import cv2

    canvas = Canvas(*size)
    for side, pose in (("left", left), ("right", right)):
        if pose is not None:
            draw_hand(canvas, side, pose)
    soft = cv2.GaussianBlur(canvas.picture, (0, 0), 0.8)
    grain = np.random.default_rng(0).normal(0.0, 3.0, soft.shape)  # the same in every picture, as of a dirty lens
    return np.clip(soft + grain, 0.0, 255.0).astype(np.uint8)


def hands_video(
    path: Path,
    poses: Sequence[str] = tuple(HANDS),
    hold: float = 1.0,
    fps: float = 15.0,
    size: tuple[int, int] = (320, 240),
) -> list[tuple[str, float, float]]:
    """Writes two hands that move from pose to pose as .mp4 and gives when each pose is held: (name, from, to) in seconds."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written as a video")
    held, before, began = [], np.array(list(REST.values())), 0.0
    for name in poses:
        now = np.array(list({**REST, **HANDS[name]}.values()))
        held.append((name, began + MOVE, began + MOVE + hold))
        for frame in range(round((hold + MOVE) * fps)):
            share = 0.5 - 0.5 * np.cos(np.pi * min(frame / fps / MOVE, 1.0))
            moment = dict(zip(REST, before + (now - before) * share, strict=True))
            sway = 0.01 * np.sin(2 * np.pi * 0.31 * (began + frame / fps))
            picture = hands_picture({**moment, "x": sway}, {**moment, "x": -sway}, size)
            writer.write(np.ascontiguousarray(picture[:, :, ::-1]))
        before, began = now, began + MOVE + hold
    writer.release()
    return held
