"""What dearpygui's themes are made of: colours and sizes by their short names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor.theme import Colour


@contextmanager
def making(component: int) -> Iterator[Any]:
    """A new theme; what is called inside gives it its colours and sizes."""
    made = dpg.add_theme()
    dpg.push_container_stack(dpg.add_theme_component(component, parent=made))
    try:
        yield made
    finally:
        dpg.pop_container_stack()


def core(**colours: Colour) -> None:
    """Colours of plain items, inside a theme component."""
    for name, value in colours.items():
        dpg.add_theme_color(getattr(dpg, f"mvThemeCol_{name}"), value, category=dpg.mvThemeCat_Core)


def style(**values: Any) -> None:
    """Sizes of plain items."""
    for name, value in values.items():
        dpg.add_theme_style(
            getattr(dpg, f"mvStyleVar_{name}"), *(value if isinstance(value, tuple) else (value,)), category=dpg.mvThemeCat_Core
        )


def nodes(**colours: Colour) -> None:
    """Colours of the node editor, whose names the library spells in two ways."""
    for name, value in colours.items():
        spelt = f"mvNodeCol_{name}" if hasattr(dpg, f"mvNodeCol_{name}") else f"mvNodesCol_{name}"
        dpg.add_theme_color(getattr(dpg, spelt), value, category=dpg.mvThemeCat_Nodes)


def node_style(**values: Any) -> dict[str, Any]:
    """Sizes of the node editor; gives their items, whose values may be set later."""
    return {
        name: dpg.add_theme_style(
            getattr(dpg, f"mvNodeStyleVar_{name}"),
            *(value if isinstance(value, tuple) else (value,)),
            category=dpg.mvThemeCat_Nodes,
        )
        for name, value in values.items()
    }


def plots(**colours: Colour) -> None:
    """Colours of plots."""
    for name, value in colours.items():
        dpg.add_theme_color(getattr(dpg, f"mvPlotCol_{name}"), value, category=dpg.mvThemeCat_Plots)
