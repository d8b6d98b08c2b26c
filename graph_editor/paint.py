"""The dearpygui fonts and themes that the window's look is made of, each made once."""

from __future__ import annotations

import math
from typing import Any

import dearpygui.dearpygui as dpg

from graph_editor.theme import DARK, FONTS, NODE_PADDING, PALETTES, TYPE_COLOURS, Colour, height_of, mix, text_width, wrapped
from graph_editor.theming import core, making, node_style, nodes, plots, style
from runtime.spec import PortType


class Look:
    """The fonts and themes of one window at one scale; made after dearpygui's context, used by the window's thread only."""

    def __init__(self, theme: str = "dark", scale: float = 1.0) -> None:
        self.palette = PALETTES.get(theme, DARK)
        self.name = theme if theme in PALETTES else "dark"
        self.scale = scale
        self._fonts: dict[tuple[str, int], Any] = {}
        self._themes: dict[Any, Any] = {}
        with dpg.font_registry() as self._registry:
            pass
        dpg.bind_font(self.font("text"))
        dpg.bind_theme(self._base())

    def px(self, pixels: float) -> int:
        """Pixels at scale 1 as pixels of this screen."""
        return round(pixels * self.scale)

    def font(self, size: str = "text", weight: str = "regular", zoom: float = 1.0) -> Any:
        """A font of one of the SIZES, regular, medium or semibold, at a canvas zoom."""
        height = self.height(size, zoom)
        if (weight, height) not in self._fonts:
            self._fonts[weight, height] = dpg.add_font(str(FONTS / f"{weight}.ttf"), height, parent=self._registry)
        return self._fonts[weight, height]

    def height(self, size: str, zoom: float = 1.0) -> int:
        """How many pixels high the letters of one of the SIZES are at a canvas zoom."""
        return height_of(size, self.scale, zoom)

    def width(self, words: str, size: str = "text", weight: str = "regular", zoom: float = 1.0) -> int:
        """How wide a line of words is, in pixels."""
        return math.ceil(text_width(words, self.height(size, zoom), weight))

    def width_in(self, words: str, font: Any) -> int | None:
        """How wide a line of words is in one of these fonts; None for another, or none."""
        found = next((key for key, one in self._fonts.items() if one == font), None)
        return None if found is None else math.ceil(text_width(words, found[1], found[0]))

    def wrapped(self, words: str, width: float, size: str = "small", zoom: float = 1.0) -> str:
        """Words broken into lines of at most so many pixels: inside nodes the library cannot do it."""
        return wrapped(words, width, self.height(size, zoom))

    def colour(self, name: str) -> Colour:
        """A colour of the palette by its name."""
        found: Colour = getattr(self.palette, name)
        return found

    def type_colour(self, kind: PortType) -> Colour:
        """The colour of a port's type, dark enough to be seen on a light ground."""
        return self.readable(TYPE_COLOURS[kind])

    def readable(self, colour: Colour) -> Colour:
        """A bright colour as this palette can show it."""
        return mix(colour, (0, 0, 0), 0.35) if self.name == "light" else colour

    # Themes of items

    def words(self, colour: str | Colour) -> Any:
        """A theme that writes in a colour: a name of the palette, or the colour itself."""
        value = self.colour(colour) if isinstance(colour, str) else colour
        return self._made(("words", value), dpg.mvAll, lambda: core(Text=value))

    def button(self, kind: str, zoom: float | None = None) -> Any:
        """A theme for buttons: primary, live, danger, plain, small, ghost (no ground), item and row (of a list in a pane or
        popup), or file (a field that opens a dialog). With the `zoom` of a view it is as small as views need them."""
        palette = self.palette
        ground, ink = {
            "primary": (palette.primary, palette.ink),
            "live": (palette.live, palette.ink),
            "danger": (palette.danger, palette.ink),
            "plain": (palette.button, palette.text),
            "small": (palette.button, palette.text),
            "cell": (palette.button, palette.text),
            "cell_on": (palette.primary, palette.ink),
            "ghost": (palette.panel, palette.muted),
            "item": (palette.panel, palette.text),
            "row": (palette.raised, palette.text),
            "file": (palette.field, palette.text),
        }[kind]
        paddings = {"item": (8, 4), "small": (8, 4), "ghost": (9, 7), "row": (10, 6)}
        padding = paddings.get(kind, (12, 7)) if zoom is None else (2 * zoom if kind.startswith("cell") else 8 * zoom, 4 * zoom)
        align = (0.0, 0.5) if kind in ("item", "row", "file") else (0.5, 0.5)

        def make() -> None:
            core(
                Button=ground,
                ButtonHovered=mix(ground, palette.shade, 0.10),
                ButtonActive=mix(ground, palette.shade, 0.18),
                Text=ink,
            )
            style(ButtonTextAlign=align)
            if kind != "file":  # which has the padding of the fields beside it
                style(FrameRounding=self.px(6), FramePadding=self._pair(padding))

        return self._made(("button", kind, zoom), dpg.mvAll, make)

    def pane(self, ground: str, padding: tuple[float, float] = (14, 12), spacing: tuple[float, float] = (8, 6)) -> Any:
        """A theme for a part of the window; the ground is a colour of the palette, or "clear"."""
        value = (0, 0, 0, 0) if ground == "clear" else self.colour(ground)

        def make() -> None:
            core(ChildBg=value, WindowBg=value)
            style(WindowPadding=self._pair(padding), ItemSpacing=self._pair(spacing))

        return self._made(("pane", ground, padding, spacing), dpg.mvAll, make)

    def popup(self) -> Any:
        """A theme for windows that lie over the others."""

        def make() -> None:
            ground = self.palette.raised
            core(WindowBg=ground, ChildBg=ground, TitleBg=ground, TitleBgActive=ground)
            style(WindowPadding=self._pair((14, 12)), WindowBorderSize=1, WindowRounding=self.px(8), WindowMinSize=(20, 20))

        return self._made("popup", dpg.mvAll, make)

    def node(self, colour: Colour, zoom: float, state: str = "") -> Any:
        """A theme for a node. `state`: "", selected, failed, problem, waiting (for another that has a problem) or off."""

        def make() -> None:
            palette = self.palette
            title = mix(palette.node, colour, palette.title_mix)
            edge = {
                "selected": palette.accent,
                "failed": palette.bad,
                "problem": palette.warn,
                "waiting": mix(palette.line, palette.warn, 0.3),
                "off": palette.faint,
            }.get(state, palette.line)
            nodes(
                TitleBar=title,
                TitleBarHovered=mix(title, palette.shade, 0.06),
                TitleBarSelected=mix(title, palette.shade, 0.08),
                NodeOutline=edge,
            )
            node_style(
                NodeBorderThickness=2 if state not in ("", "waiting") else 1,
                NodePadding=(round(self.px(NODE_PADDING[0]) * zoom), round(self.px(NODE_PADDING[1]) * zoom)),
                NodeCornerRounding=self.px(8) * zoom,
            )
            style(
                ItemSpacing=(self.px(8) * zoom, self.px(6) * zoom),
                FramePadding=(self.px(6) * zoom, self.px(3) * zoom),
                FrameRounding=self.px(5) * zoom,
            )
            if state == "off":
                core(Text=palette.faint)

        return self._made(("node", colour, zoom, state), dpg.mvAll, make)

    def note(self, colour: Colour, zoom: float, ground: bool) -> Any:
        """A theme for comments and the titles of frames, which have no ground of their own."""

        def make() -> None:
            clear = (*colour[:3], 26 if ground else 0)
            nodes(
                TitleBar=clear,
                TitleBarHovered=(*colour[:3], 44),
                TitleBarSelected=(*colour[:3], 44),
                NodeBackground=clear,
                NodeBackgroundHovered=clear,
                NodeBackgroundSelected=clear,
                NodeOutline=clear,
            )
            node_style(NodePadding=(self.px(10) * zoom, self.px(6) * zoom), NodeCornerRounding=self.px(6) * zoom)
            core(Text=mix(self.readable(colour), self.palette.text, 0.25))

        return self._made(("note", colour, zoom, ground), dpg.mvAll, make)

    def pin(self, kind: PortType | None, lit: bool = True) -> Any:
        """A theme for a port: its type's colour, or hardly seen where no wire fits at the moment."""
        colour = self.type_colour(kind) if kind else self.palette.faint
        colour = colour if lit else mix(colour, self.palette.node, 0.78)
        return self._made(
            ("pin", kind, lit), dpg.mvAll, lambda: nodes(Pin=colour, PinHovered=mix(colour, self.palette.shade, 0.5))
        )

    def link(self, kind: PortType | None, broken: bool = False) -> Any:
        """A theme for a wire."""
        colour = self.palette.bad if broken or kind is None else self.type_colour(kind)
        return self._made(
            ("link", kind, broken),
            dpg.mvAll,
            lambda: nodes(
                Link=(*colour[:3], 215), LinkHovered=mix(colour, self.palette.shade, 0.4), LinkSelected=self.palette.shade
            ),
        )

    def set_pieces(self, fine: float) -> None:
        """Of how many straight pieces wires are, for each pixel of their length: the library knows one number for all."""
        dpg.set_value(self._pieces, [fine, -1.0])

    def unseen(self) -> Any:
        """A theme for a node that shall not be seen."""
        clear = (0, 0, 0, 0)

        def make() -> None:
            nodes(**dict.fromkeys(("TitleBar", "TitleBarHovered", "TitleBarSelected", "NodeBackground"), clear))
            nodes(**dict.fromkeys(("NodeBackgroundHovered", "NodeBackgroundSelected", "NodeOutline"), clear))
            node_style(NodePadding=(0, 0), NodeBorderThickness=0)

        return self._made("unseen", dpg.mvAll, make)

    def big(self) -> Any:
        """A theme for the controls of the perform view."""
        return self._made(
            "big", dpg.mvAll, lambda: style(FramePadding=self._pair((12, 12)), GrabMinSize=self.px(26), FrameRounding=self.px(8))
        )

    def plot(self) -> Any:
        """A theme for plots inside nodes and panes."""

        def make() -> None:
            plots(FrameBg=(0, 0, 0, 0), PlotBg=mix(self.palette.node, self.palette.back, 0.6), PlotBorder=(0, 0, 0, 0))
            plots(AxisGrid=(*self.palette.shade, 14), AxisText=self.palette.faint)

        return self._made("plot", dpg.mvAll, make)

    def series(self, colour: Colour, weight: float = 1.6, marker: float = 2.0) -> Any:
        """A theme for one series of a plot."""

        def make() -> None:
            plots(Line=colour, Fill=(*colour[:3], 44), MarkerFill=colour, MarkerOutline=colour)
            for name, value in (("LineWeight", weight), ("MarkerSize", marker)):
                dpg.add_theme_style(getattr(dpg, f"mvPlotStyleVar_{name}"), value * self.scale, category=dpg.mvThemeCat_Plots)

        return self._made(("series", colour, weight, marker), dpg.mvAll, make)

    def bar(self, colour: Colour) -> Any:
        """A theme for a progress bar."""
        ground = self.palette.field

        def make() -> None:
            core(PlotHistogram=colour, FrameBg=ground)
            style(FrameRounding=self.px(4), FramePadding=self._pair((4, 2)))

        return self._made(("bar", colour), dpg.mvAll, make)

    def slider(self, colour: Colour, zoom: float = 1.0) -> Any:
        """A theme for a slider whose handle has a colour."""

        def make() -> None:
            core(SliderGrab=colour, SliderGrabActive=mix(colour, self.palette.shade, 0.3))
            style(GrabMinSize=self.px(8) * zoom, GrabRounding=self.px(3) * zoom, FrameRounding=self.px(4) * zoom)

        return self._made(("slider", colour, zoom), dpg.mvAll, make)

    def _pair(self, pair: tuple[float, float]) -> tuple[int, int]:
        return self.px(pair[0]), self.px(pair[1])

    def _made(self, key: Any, component: int, make: Any) -> Any:
        if key not in self._themes:
            with making(component) as made:
                make()
            self._themes[key] = made
        return self._themes[key]

    def _base(self) -> Any:
        palette = self.palette
        clear = (0, 0, 0, 0)
        lift = mix(palette.field, palette.shade, 0.06)
        with making(dpg.mvAll) as made:
            core(
                WindowBg=palette.back,
                ChildBg=palette.panel,
                PopupBg=palette.raised,
                Border=palette.line,
                Text=palette.text,
                TextDisabled=palette.faint,
                FrameBg=palette.field,
                FrameBgHovered=lift,
                FrameBgActive=mix(lift, palette.shade, 0.05),
                Button=palette.button,
                ButtonHovered=mix(palette.button, palette.shade, 0.08),
                ButtonActive=mix(palette.button, palette.shade, 0.16),
                SliderGrab=mix(palette.field, palette.accent, 0.7),
                SliderGrabActive=palette.accent,
                CheckMark=palette.accent,
                Header=lift,
                HeaderHovered=lift,
                HeaderActive=mix(lift, palette.shade, 0.06),
                Separator=palette.line,
                ScrollbarBg=clear,
                ScrollbarGrab=mix(palette.panel, palette.text, 0.1),
                ScrollbarGrabHovered=mix(palette.panel, palette.text, 0.22),
                ScrollbarGrabActive=mix(palette.panel, palette.text, 0.3),
                PlotHistogram=palette.accent,
                PlotLines=palette.accent,
                Tab=palette.panel,
                TabHovered=palette.raised,
                TabActive=palette.raised,
                TitleBg=palette.raised,
                TitleBgActive=palette.raised,
                ModalWindowDimBg=(0, 0, 0, 120),
                TextSelectedBg=(*palette.accent[:3], 90),
                NavHighlight=palette.accent,
                MenuBarBg=palette.panel,
                ResizeGrip=palette.line,
                ResizeGripHovered=palette.faint,
                ResizeGripActive=palette.faint,
            )
            style(
                WindowPadding=(0, 0),
                FramePadding=self._pair((8, 5)),
                ItemSpacing=self._pair((8, 6)),
                FrameRounding=self.px(5),
                ChildRounding=0,
                GrabRounding=self.px(4),
                GrabMinSize=self.px(8),
                ScrollbarSize=self.px(6),
                ScrollbarRounding=self.px(3),
                WindowBorderSize=0,
                ChildBorderSize=0,
                PopupRounding=self.px(6),
                ItemInnerSpacing=self._pair((6, 4)),
                WindowTitleAlign=(0.0, 0.5),
            )
            plots(FrameBg=clear, PlotBorder=clear, AxisGrid=(*palette.shade, 14), Line=palette.accent)
            nodes(
                GridBackground=clear,
                GridLine=(*palette.shade, 7),
                GridLinePrimary=(*palette.shade, 7),
                NodeBackground=palette.node,
                NodeBackgroundHovered=palette.node,
                NodeBackgroundSelected=palette.node,
                NodeOutline=palette.line,
                BoxSelector=(*palette.accent[:3], 30),
                BoxSelectorOutline=(*palette.accent[:3], 150),
                MiniMapBackground=(*palette.back, 235),
                MiniMapBackgroundHovered=(*palette.back, 245),
                MiniMapOutline=palette.line,
                MiniMapOutlineHovered=palette.faint,
                MiniMapNodeBackground=mix(palette.node, palette.text, 0.3),
                MiniMapNodeBackgroundHovered=mix(palette.node, palette.text, 0.45),
                MiniMapNodeBackgroundSelected=palette.accent,
                MiniMapNodeOutline=clear,
                MiniMapLink=palette.faint,
                MiniMapLinkSelected=palette.accent,
                MiniMapCanvas=(*palette.shade, 8),
                MiniMapCanvasOutline=(*palette.shade, 40),
            )
            self._pieces = node_style(LinkLineSegmentsPerLength=0.1)["LinkLineSegmentsPerLength"]
            node_style(
                NodeCornerRounding=self.px(8),
                NodePadding=self._pair(NODE_PADDING),
                NodeBorderThickness=1,
                PinCircleRadius=self.px(5),
                PinHoverRadius=self.px(14),
                PinOffset=0,
                GridSpacing=self.px(28),
                LinkThickness=self.px(3),
                LinkHoverDistance=self.px(9),
                PinQuadSideLength=self.px(9),
                PinTriangleSideLength=self.px(11),
            )
        return made
