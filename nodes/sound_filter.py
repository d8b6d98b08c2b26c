"""The state variable filter: low, high, band and notch, whose cutoff may move in every frame without a click."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nodes.sound_history import Course, with_rows
from runtime.node import STEP, Block, Stream, StreamNode
from runtime.spec import ChoiceParam, FloatParam, NodeSpec, Port, PortType

PIECE = 16
"""Frames joined by twos, fours and eights; the pieces follow one another in plain numbers: quickest so."""

HIGHEST = 0.49
"""Cutoff at most, in parts of the sample rate: there the tangent goes to infinity."""


def damping(resonance: float | np.ndarray) -> float | np.ndarray:
    """What the filter's equations call 1/Q: Q rises from 0.5 (no ringing) at 0 to 40 at 1, by the same factor everywhere."""
    return 2.0 * 80.0**-resonance


def taps(mode: str, k: float) -> tuple[float, float, float]:
    """What goes out, as multiples of what comes in, of the band and of the low output."""
    return {"low": (0.0, 0.0, 1.0), "high": (1.0, -k, -1.0), "band": (0.0, k, 0.0), "notch": (1.0, -k, 0.0)}[mode]


class Filter(StreamNode):
    """Lets some of a sound through: what is below the cutoff (low), above it (high), around it (band) or all else (notch).
    Resonance makes the cutoff ring. A control at *shift* moves the cutoff by octaves."""

    spec = NodeSpec(
        type="audio.filter",
        title="Filter",
        inputs=(
            Port("audio", PortType.AUDIO, "a sound"),
            Port("shift", PortType.CONTROL, "octaves by which its first dimension moves the cutoff up", optional=True),
        ),
        outputs=(Port("audio", PortType.AUDIO, "the same, filtered"),),
        params=(
            ChoiceParam(
                name="mode", default="low", choices=("low", "high", "band", "notch"), doc="what goes through", live=False
            ),
            FloatParam(
                name="cutoff", default=1000.0, low=20.0, high=20000.0, unit="Hz", log=True, smooth=True, doc="where it acts"
            ),
            FloatParam(name="resonance", default=0.2, low=0.0, high=1.0, smooth=True, doc="how much the cutoff rings"),
        ),
    )

    def prepare(self, stream: Stream, mode: str) -> None:
        from scipy.signal import lfilter

        self._mode, self._turn = mode, math.pi / stream.sample_rate
        self._limit = HIGHEST * stream.sample_rate
        self._course = Course()
        self._state = np.zeros((1, 2))
        self._still: Still | None = None
        self._lfilter = lfilter

    def process(
        self, block: Block, audio: np.ndarray, shift: np.ndarray | None, cutoff: float | np.ndarray, resonance: float | np.ndarray
    ) -> dict[str, np.ndarray]:
        state = with_rows(self._state, len(audio))
        if shift is None and isinstance(cutoff, float) and isinstance(resonance, float):
            if self._still is None or self._still.made_for != (cutoff, resonance):
                g = float(self._tangent(cutoff))
                self._still = Still((cutoff, resonance), g, damping(resonance), self._mode, self._lfilter)
            made, self._state = self._still.filter(audio, state)
        else:
            frames = audio.shape[1]
            if shift is None:
                g = np.broadcast_to(self._tangent(cutoff), frames)
            else:  # a control's steps, and straight lines between them through the octaves: in Hz a jump up is over in two frames
                ends = cutoff if isinstance(cutoff, float) else cutoff[STEP - 1 :: STEP]
                g = np.exp2(self._course.over(np.log2(self._tangent(ends * 2.0 ** np.clip(shift[0], -20.0, 20.0)))))
            k = damping(resonance if isinstance(resonance, float) else resonance.astype(np.float64))
            made, self._state = moving(audio.astype(np.float64), state, g, k, self._mode)
        return {"audio": made.astype(np.float32)}

    def _tangent(self, cutoff: float | np.ndarray) -> np.ndarray:
        return np.tan(self._turn * np.minimum(np.asarray(cutoff, np.float64), self._limit))


class Still:
    """The filter at rest, by the recurrence that its equations come to: a biquad, with the state of the moving filter before
    and after. `g` is the tangent of the cutoff's half turn, `k` the damping (V. Zavalishin, The Art of VA Filter Design, 2012,
    chapter 4, in A. Simper's form: trapezoidal integration without a delay in the loop)."""

    def __init__(
        self, made_for: tuple[float, float], g: float, k: float, mode: str, lfilter: Callable[..., tuple[np.ndarray, np.ndarray]]
    ) -> None:
        self.made_for, self._lfilter = made_for, lfilter
        unit = 1.0 + g * (g + k)
        dry, band, low = taps(mode, k)
        self._below = np.array([1.0, 2.0 * (g * g - 1.0) / unit, (1.0 - g * k + g * g) / unit])
        self._above = dry * self._below + (band * g * np.array([1.0, 0.0, -1.0]) + low * g * g * np.array([1.0, 2.0, 1.0])) / unit
        a1, a2, a3 = 1.0 / unit, g / unit, g * g / unit
        step = np.array([[2.0 * a1 - 1.0, -2.0 * a2], [2.0 * a2, 1.0 - 2.0 * a3]])
        first = np.array([band * a1 + low * a2, -band * a2 + low * (1.0 - a3)])
        # What would come out without an input, in the first two frames, tells the recurrence's state (transposed direct form II).
        self._into = np.stack([first, first @ step + self._below[1] * first])
        self._back = np.linalg.inv(self._into)

    def filter(self, audio: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[channels, frames] filtered, and the state [channels, 2] after it."""
        made, after = self._lfilter(self._above, self._below, audio, zi=state @ self._into.T)
        return made, after @ self._back.T


def moving(
    audio: np.ndarray, state: np.ndarray, g: np.ndarray, k: float | np.ndarray, mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """The filter with another cutoff and damping in each frame, `g` [frames] and `k`, exactly: in each frame the two states
    become a matrix times the states plus a vector. Such steps are joined by twos, fours and eights within pieces of PIECE frames
    (Hillis and Steele 1986), and the pieces one after the other. Gives [channels, frames] and the state [channels, 2] after."""
    channels, frames = audio.shape
    pieces = frames // PIECE

    def folded(values: np.ndarray) -> np.ndarray:
        """[..., frames] as [..., PIECE, pieces]: whatever is joined lies together in memory."""
        return values.reshape(*values.shape[:-1], pieces, PIECE).swapaxes(-1, -2)

    a1 = 1.0 / (1.0 + g * (g + k))
    twice = 2.0 * g * a1
    m = np.empty((2, 2, PIECE, pieces))  # rows and columns of each frame's matrix
    m[0, 0], m[1, 0], m[1, 1] = folded(2.0 * a1 - 1.0), folded(twice), folded(1.0 - g * twice)
    np.negative(m[1, 0], out=m[0, 1])
    u = np.empty((2, channels, PIECE, pieces))
    driven = twice * audio
    u[0], u[1] = folded(driven), folded(g * driven)
    reach = 1
    while reach < PIECE:
        late, early, before = m[:, :, reach:], m[:, :, :-reach], u[:, :, :-reach]
        u[:, :, reach:] += late[:, 0, None] * before[0] + late[:, 1, None] * before[1]
        m[:, :, reach:] = late[:, 0, None] * early[0] + late[:, 1, None] * early[1]
        reach *= 2
    ends = m[:, :, -1].tolist()
    begins = np.array([_begins(ends, u[:, channel, -1].tolist(), state[channel]) for channel in range(channels)])
    s = begins[:, :, :-1].swapaxes(0, 1)[:, :, None]  # [2, channels, 1, pieces]
    u += m[:, 0, None] * s[0] + m[:, 1, None] * s[1]
    after1, after2 = u.swapaxes(-1, -2).reshape(2, channels, frames)

    def output(after: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Of each frame the mean of a state before and after it."""
        both = after.copy()
        both[:, 1:] += after[:, :-1]
        both[:, 0] += first
        return 0.5 * both

    if mode == "low":
        made = output(after2, state[:, 1])
    elif mode == "band":
        made = k * output(after1, state[:, 0])
    else:
        made = audio - k * output(after1, state[:, 0])
        if mode == "high":
            made -= output(after2, state[:, 1])
    return made, begins[:, :, -1]


def _begins(m: list[Any], u: list[Any], state: np.ndarray) -> tuple[list[float], list[float]]:
    """The two states of one channel at the beginning of each piece and after the last: `m` [2, 2, pieces] and `u` [2, pieces]
    take it from one end of a piece to the other. In plain numbers, which for so few is quicker than in arrays."""
    (m11, m12), (m21, m22) = m
    s1, s2 = state.tolist()
    first, second = [s1], [s2]
    for a, b, c, d, u1, u2 in zip(m11, m12, m21, m22, *u, strict=True):
        s1, s2 = a * s1 + b * s2 + u1, c * s1 + d * s2 + u2
        first.append(s1)
        second.append(s2)
    return first, second
