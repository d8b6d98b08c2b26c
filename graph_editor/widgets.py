"""The widget of each kind of param: one shape for the node, one for the inspector."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor.paint import Look
from graph_editor.theme import icon
from runtime.spec import BoolParam, ChoiceParam, FloatParam, IntParam, PathParam, TagsParam

Set = Callable[[Any], None]
STEPS = 256
"""Whole numbers with more places than that are dragged rather than slid."""
WIDEST = "-60.0 dBFS"
"""What a number beside a slider has room for."""


ALT = (dpg.mvKey_LAlt, dpg.mvKey_RAlt)
FINE = 0.1
"""What a slider moves by while Alt is held, of what it would move without: as the library's own number fields do."""
STILL = 0.25
"""Seconds without a call after which a slider was let go: while it is held, it calls every frame that it is not at the mouse."""


@dataclass
class Field:
    """A param on the screen. `show` brings it to a value without calling back; `words` is the number beside it, where there is
    one."""

    item: Any
    show: Callable[[Any], None]
    words: Any = None

    def is_hovered(self) -> bool:
        """Whether the mouse is on it."""
        return bool(dpg.is_item_hovered(self.item) or (self.words is not None and dpg.is_item_hovered(self.words)))


class Fine:
    """Lets a slider move finely while Alt is held: the library's sliders stand where the mouse stands, and nowhere else."""

    def __init__(self, value: float) -> None:
        self.value = value
        """Where the slider is."""
        self._anchor: tuple[float, float] | None = None
        self._last = 0.0

    def moved(self, place: float, now: float, *, fine: bool) -> float:
        """Where the slider shall be when the mouse is at `place`. `now` in seconds."""
        if not fine or now - self._last > STILL:
            self._anchor = None
        self._last = now
        if fine and self._anchor is None:
            self._anchor = place, self.value
        if self._anchor is None:
            self.value = place
        else:
            self.value = self._anchor[1] + FINE * (place - self._anchor[0])
        return self.value


def in_words(param: Any, value: Any) -> str:
    """A param's value as an artist reads it, with its unit."""
    if isinstance(value, bool):
        return "on" if value else "off"
    unit = f" {param.unit}" if getattr(param, "unit", "") else ""
    if isinstance(value, float):
        return f"{number(value)}{unit}"
    return f"{value}{unit}"


def number(value: float) -> str:
    """A number with as many places as its size asks for."""
    size = abs(value)
    if size >= 1000 or (size and size == round(size) and size >= 100):
        return f"{value:.0f}"
    if size >= 100:
        return f"{value:.1f}"
    if size >= 1 or size == 0:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.001 else f"{value:.2g}"


def make_field(
    look: Look,
    param: Any,
    value: Any,
    change: Set,
    *,
    parent: Any,
    width: int,
    zoom: float = 1.0,
    size: str = "small",
    choose: Callable[[], None] | None = None,
) -> Field:
    """A widget `width` pixels wide that calls `change` with every new value, its letters of one of the theme's sizes. `choose`
    opens a dialog for files and folders."""
    common: dict[str, Any] = {"parent": parent, "width": width}
    if isinstance(param, BoolParam):
        item = dpg.add_checkbox(parent=parent, default_value=bool(value), callback=lambda _, new: change(bool(new)))
        return Field(item, lambda new: dpg.set_value(item, bool(new)))
    if isinstance(param, ChoiceParam):
        words = {str(choice): choice for choice in param.choices}
        item = dpg.add_combo(list(words), default_value=str(value), callback=lambda _, new: change(words[new]), **common)
        return Field(item, lambda new: dpg.set_value(item, str(new)))
    if isinstance(param, PathParam):
        item = dpg.add_button(callback=lambda: choose() if choose else None, **common)
        dpg.bind_item_theme(item, look.button("file"))

        def name(new: str) -> None:
            dpg.configure_item(item, label=_file_label(look, param, new, width - round(2 * look.px(8) * zoom), zoom))

        name(value)
        return Field(item, name)
    if isinstance(param, FloatParam | IntParam):
        if is_bounded(param):
            return _slider(look, param, value, change, common, zoom, size)
        return _drag(param, value, change, common)
    if isinstance(param, TagsParam):
        item = dpg.add_text(tags_in_words(value), parent=parent, wrap=width)
        return Field(item, lambda new: dpg.set_value(item, tags_in_words(new)))
    item = dpg.add_input_text(default_value=str(value), on_enter=False, callback=lambda _, new: change(new), **common)
    return Field(item, lambda new: dpg.set_value(item, str(new)))


def tags_in_words(tags: Any) -> str:
    """Tags set by hand: their names and how many slices each has. They are set on the map, not here."""
    return ", ".join(f"{name} ({len(tag['slices'])})" for name, tag in tags.items()) or "draw on the map"


def is_bounded(param: FloatParam | IntParam) -> bool:
    """Whether a number has two ends that a slider can lie between, and few enough places to find one by hand."""
    if isinstance(param, FloatParam):
        return math.isfinite(param.low) and math.isfinite(param.high)
    return param.low is not None and param.high is not None and param.high - param.low <= STEPS


def _slider(look: Look, param: Any, value: Any, change: Set, common: dict[str, Any], zoom: float, size: str) -> Field:
    """A slider with its number beside it, where no handle lies over it."""
    whole = isinstance(param, IntParam)
    log = not whole and param.log and param.low > 0
    gap = round(look.px(6) * zoom)
    room = min(round(common["width"] * 0.48), look.width(WIDEST, size, zoom=zoom))

    # The library's slider knows no logarithm: it moves between the logarithms.
    def place(of: Any) -> Any:
        return math.log(of) if log else int(of) if whole else float(of)

    def in_place(of: Any) -> str:
        return fitting(param, of, lambda text: look.width(text, size, zoom=zoom) <= room)

    def moved(_: Any, at: Any) -> None:
        if not whole:
            at = fine.moved(at, time.monotonic(), fine=any(map(dpg.is_key_down, ALT)))
            at = min(max(at, place(param.low)), place(param.high))
            dpg.set_value(item, at)
        new = min(max(math.exp(at), param.low), param.high) if log else int(at) if whole else at
        dpg.set_value(words, in_place(new))
        change(new)

    def show(new: Any) -> None:
        fine.value = place(new)
        dpg.set_value(item, fine.value)
        dpg.set_value(words, in_place(new))

    fine = Fine(place(value))

    with dpg.group(horizontal=True, horizontal_spacing=gap, parent=common["parent"]) as group:
        item = (dpg.add_slider_int if whole else dpg.add_slider_float)(
            width=common["width"] - room - gap,
            default_value=place(value),
            min_value=place(param.low),
            max_value=place(param.high),
            format="",
            clamped=True,
            no_input=True,
            callback=moved,
        )
        words = dpg.add_text(in_place(value))
    dpg.bind_item_font(group, look.font(size, zoom=zoom))
    return Field(item, show, words)


def fitting(param: Any, value: Any, fits: Callable[[str], bool]) -> str:
    """A number with its unit and as many places as fit; without the unit where even that does not. It is never rounded to 0."""
    unit = f" {param.unit}" if param.unit else ""
    exact = str(value) if isinstance(value, int) else number(value)
    places = 0 if "e" in exact else len(exact.partition(".")[2])
    rounded = [f"{value:.{fewer}f}" for fewer in range(places - 1, -1, -1)]
    every = [_trimmed(one) for one in (exact, *(one for one in rounded if float(one) or not value))]
    shown = [*(one + unit for one in every), *every]
    return next((one for one in shown if fits(one)), every[-1])


def _trimmed(text: str) -> str:
    """A number in words without noughts at its end: 0.070 is 0.07, 50.00 is 50."""
    text = text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return "0" if text in ("-0", "") else text


def _drag(param: Any, value: Any, change: Set, common: dict[str, Any]) -> Field:
    """A number that is dragged, with Alt finely, with Shift fast."""
    if isinstance(param, FloatParam):
        item = dpg.add_drag_float(
            default_value=value,
            speed=0.01,
            format=f"%.2f{_unit(param)}",
            no_input=True,
            callback=lambda _, new: change(new),
            **common,
        )
        return Field(item, lambda new: dpg.set_value(item, float(new)))
    low, high = param.low if param.low is not None else -(2**31) + 1, param.high if param.high is not None else 2**31 - 1
    item = dpg.add_drag_int(
        default_value=value,
        min_value=low,
        max_value=high,
        clamped=True,
        speed=max(0.1, min(high - low, 1e5) / 2000),
        format=f"%d{_unit(param)}",
        no_input=True,
        callback=lambda _, new: change(int(new)),
        **common,
    )
    return Field(item, lambda new: dpg.set_value(item, int(new)))


def make_exact_field(
    look: Look, param: Any, value: Any, change: Set, *, parent: Any, width: int, choose: Callable[[], None]
) -> Field:
    """As `make_field`, for the inspector: a number is dragged, with Alt finely, with Shift fast."""
    if isinstance(param, IntParam):
        return _drag(param, value, change, {"parent": parent, "width": width})
    if not isinstance(param, FloatParam):
        return make_field(look, param, value, change, parent=parent, width=width, choose=choose)
    bounded = math.isfinite(param.low) and math.isfinite(param.high)

    def speed(now: float) -> float:
        if param.log:
            return max(abs(now) * 0.005, 1e-6)
        return (param.high - param.low) / 400 if bounded else 0.01

    def moved(_: Any, new: float) -> None:
        dpg.configure_item(item, speed=speed(new), format=_exact(param, new))
        change(new)

    def show(new: float) -> None:
        dpg.set_value(item, float(new))
        dpg.configure_item(item, speed=speed(new), format=_exact(param, new))

    low, high = (param.low, param.high) if bounded else (0.0, 0.0)
    item = dpg.add_drag_float(
        default_value=value,
        min_value=low,
        max_value=high,
        clamped=bounded,
        speed=speed(value),
        format=_exact(param, value),
        no_input=True,
        callback=moved,
        parent=parent,
        width=width,
    )
    return Field(item, show)


def _exact(param: FloatParam, value: float) -> str:
    text = number(value)
    places = len(text.partition(".")[2]) if "e" not in text else 6
    return f"%.{max(places, 1)}f{_unit(param)}"


def _unit(param: Any) -> str:
    return f" {param.unit}".replace("%", "%%") if param.unit else ""


def _file_label(look: Look, param: PathParam, value: str, room: int, zoom: float) -> str:
    """The path, or as many of its last words as there is room for; a long one loses its beginning."""
    mark = icon("folder" if param.what == "folder" else "file") + "  "
    if not value:
        return mark + f"choose a {param.noun}"
    words = value.split("/")
    shown = [value, *("\u2026/" + "/".join(words[number:]) for number in range(1, len(words))), words[-1]]
    shown += ["\u2026" + words[-1][cut:] for cut in range(1, len(words[-1]))]
    return next((mark + one for one in shown if look.width(mark + one, "small", zoom=zoom) <= room), mark)
