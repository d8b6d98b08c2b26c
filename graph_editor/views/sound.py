"""A sound in the inspector: its level, its newest block as a wave, and its spectrum."""

from __future__ import annotations

from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from graph_editor import theme
from graph_editor.previews import Now, Seat, View
from graph_editor.views.signals import Meter, decibels
from runtime.spec import PortType

POINTS = 200
"""Of the wave."""
BANDS = 72
LOW, HIGH = 50.0, 20000.0
"""Hz at the ends of the spectrum."""
BOTTOM = -84.0
"""dB below full scale at the foot of the spectrum."""
CALM = 0.35
"""Share of the newest block in the spectrum: the blocks that are seen lie apart, and their mean is steadier than any of them."""
READ = 0.2
"""Seconds for which a number stands, so that it can be read."""


class Spectrum:
    """The level of each band in blocks of one length, float32 [channels, frames]."""

    def __init__(self, frames: int, sample_rate: float) -> None:
        self.frames = frames
        window = np.hanning(frames)
        self._window = window * (2.0 / max(float(window.sum()), 1e-9))
        self._hertz = np.fft.rfftfreq(frames, 1.0 / sample_rate)
        edges = np.geomspace(LOW, HIGH, BANDS + 1)
        self._middle = np.sqrt(edges[1:] * edges[:-1])
        places = np.searchsorted(self._hertz, edges)
        self._wide = np.flatnonzero((np.diff(places) > 1) & (places[:-1] < len(self._hertz)))
        ends = np.minimum(places[self._wide + 1], len(self._hertz) - 1)
        self._spans = np.column_stack((places[self._wide], ends)).ravel()
        self._above = self._middle > sample_rate / 2

    def of(self, sound: np.ndarray) -> np.ndarray:
        """dBFS, float64 [BANDS]: a sine at full scale is about 0 dB in its band. A band narrower than what a block so short can
        tell apart gets the level between its neighbours."""
        power = np.abs(np.fft.rfft(sound.mean(0) * self._window)) ** 2
        found = np.interp(self._middle, self._hertz, power)
        if len(self._spans):
            found[self._wide] = np.maximum.reduceat(power, self._spans)[::2]
        found[self._above] = 0.0
        return np.asarray(10.0 * np.log10(np.maximum(found, 1e-12)))


def trigger(wave: np.ndarray, length: int) -> int:
    """Where to begin a wave of that length so that it stands still: at the first rise through zero; 0 where there is none."""
    rises = np.flatnonzero((wave[:-1] <= 0.0) & (wave[1:] > 0.0))
    return int(rises[0]) if len(rises) and rises[0] + length <= len(wave) else 0


class Sound(View):
    """Level, wave and spectrum of the sound that a node gives, or of that which it takes."""

    def __init__(self, seat: Seat) -> None:
        self._meter = Meter(seat)
        self.wants, self.sources = self._meter.wants, self._meter.sources
        self.whole = (*self.wants, *self.sources)
        self._key = self.whole[0]
        self._last: Any = None
        self._read = 0.0
        self._spectrum: Spectrum | None = None
        self._levels = np.full(BANDS, BOTTOM)
        self._rate = float(seat.editor.document.whole.settings.get("sample_rate", 44100))
        look = seat.editor.look
        self._words = dpg.add_text("-", parent=seat.parent)
        dpg.bind_item_font(self._words, look.font("small", zoom=seat.zoom))
        dpg.bind_item_theme(self._words, look.words("muted"))
        self._width = seat.width
        self._tall, self._foot = seat.px(84), seat.px(16)
        colour = look.type_colour(PortType.AUDIO)
        self._wave = self._screen(seat, 0, colour)
        self._curve = self._screen(seat, self._foot, look.readable(theme.family_of("rave.decoder")[1]))
        self._marks(seat)

    def _screen(self, seat: Seat, foot: int, colour: theme.Colour) -> Any:
        """A ground with one line on it, room for words below; gives the line."""
        look = seat.editor.look
        with dpg.group(parent=seat.parent) as group:
            dpg.bind_item_font(group, look.font("tiny", zoom=seat.zoom))
            with dpg.drawlist(self._width, self._tall + foot) as self._list:
                dpg.draw_rectangle(
                    (0, 0), (self._width, self._tall), fill=look.colour("field"), color=(0, 0, 0, 0), rounding=seat.px(5)
                )
                if not foot:
                    dpg.draw_line((0, self._tall / 2), (self._width, self._tall / 2), color=(*look.colour("shade"), 20))
                return dpg.draw_polyline(
                    [(0, self._tall - 2), (self._width, self._tall - 2)], color=colour, thickness=seat.px(1.4)
                )

    def _marks(self, seat: Seat) -> None:
        """The scale below the spectrum, in Hz."""
        look = seat.editor.look
        size = look.height("tiny", seat.zoom)
        for hertz, words in ((100, "100"), (1000, "1 kHz"), (10000, "10 kHz")):
            x = self._width * np.log(hertz / LOW) / np.log(HIGH / LOW)
            dpg.draw_line((x, 0), (x, self._tall), color=(*look.colour("shade"), 16), parent=self._list)
            at = (x - theme.text_width(words, size) / 2, self._tall + 1)
            dpg.draw_text(at, words, size=size, color=look.colour("faint"), parent=self._list)

    def update(self, now: Now) -> None:
        self._meter.update(now)
        sound = now.values.get(self._key)
        if sound is None or sound is self._last or sound.ndim != 2 or sound.shape[1] < 32:
            return
        self._last = sound
        wave = np.nan_to_num(sound[0])
        length = max(len(wave) * 3 // 4, 16)
        start = trigger(wave, length)
        shown = wave[start : start + length]
        shown = shown[np.linspace(0, len(shown) - 1, min(POINTS, len(shown))).astype(int)]
        half = self._tall / 2
        y = half - np.clip(shown, -1.0, 1.0) * (half - 2)
        dpg.configure_item(self._wave, points=np.column_stack((np.linspace(0, self._width, len(y)), y)).tolist())
        if self._spectrum is None or self._spectrum.frames != sound.shape[1]:
            self._spectrum = Spectrum(sound.shape[1], self._rate)
        levels = self._spectrum.of(np.nan_to_num(sound))
        self._levels += CALM * (np.maximum(levels, BOTTOM) - self._levels)
        y = self._tall - 2 - np.clip(1.0 - self._levels / BOTTOM, 0.0, 1.0) * (self._tall - 4)
        dpg.configure_item(self._curve, points=np.column_stack((np.linspace(0, self._width, BANDS), y)).tolist())
        if now.seconds >= self._read:
            self._read = now.seconds + READ
            peak = decibels(float(np.abs(wave).max()))
            dpg.set_value(self._words, f"{len(sound)} channel{'s' if len(sound) > 1 else ''}, peak {peak:.0f} dBFS")
