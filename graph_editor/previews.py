"""What a node shows of what it does: a view of its own kind, else a preview by the type of what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runtime.spec import NodeSpec

if TYPE_CHECKING:
    from graph_editor.editor import Editor


@dataclass(frozen=True)
class Seat:
    """Where a view sits: build your items under `parent`, `width` pixels wide, all sizes times `editor.look.scale * zoom`."""

    editor: Editor
    node: str
    spec: NodeSpec
    parent: Any
    width: int
    zoom: float
    is_whole: bool = False
    """Whether `node` is a name of the whole patch already, wherever we look."""

    @property
    def flat(self) -> str:
        """The name by which the runtime knows the node."""
        return self.node if self.is_whole else self.editor.flat(self.node)

    def set(self, **values: Any) -> None:
        """Sets params of the node, as its own widgets would: what a mouse does until it is let go is one step."""
        self.editor.set_whole_params(self.flat, values)

    def px(self, pixels: float) -> int:
        """Pixels at scale and zoom 1 as pixels here."""
        return round(self.editor.look.px(pixels) * self.zoom)


@dataclass(frozen=True)
class Now:
    """What is known at this moment: newest values of what the view `wants`, and its marks; empty where nothing plays."""

    values: Mapping[str, Any]
    marks: Any
    seconds: float
    """Since the window opened: for what moves by itself."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the dimensions of the controls among the values are called."""
    is_playing: bool = False


class View:
    """What a node shows below its params. Made with its seat; used by the window's thread only.

    `wants` names the node's outputs whose newest values it is shown, `sources` its inputs whose sources' values it is shown
    (under the input's name), `whole` those of both whose sound it is shown frame by frame, `marked` asks for the points found in
    a picture. `sets` names the params that it sets itself: the node needs no widgets for them. `update` is called while the node
    can be seen, at most thirty times a second."""

    wants: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    marked = False
    sets: tuple[str, ...] = ()

    def update(self, now: Now) -> None:
        """Shows the newest."""

    def close(self) -> None:
        """Gives back what is not an item of the seat (textures)."""


Make = Callable[[Seat], View]


def detail_of(type_id: str, spec: NodeSpec) -> Make | None:
    """How the larger view of a node in the inspector is made: for its kind, else for what it gives, else for what it takes; None
    where it has none."""
    from graph_editor.views import DETAILS, DETAILS_BY_TYPE

    if type_id in DETAILS:
        return DETAILS[type_id]
    types = [port.type for port in spec.outputs] or [port.type for port in spec.inputs]
    return next((DETAILS_BY_TYPE[kind] for kind in types if kind in DETAILS_BY_TYPE), None)


def view_of(type_id: str, spec: NodeSpec) -> Make | None:
    """How the view of a node is made, or None where it has none."""
    from graph_editor.views import BY_NODE, BY_OUTPUT

    if type_id in BY_NODE:
        return BY_NODE[type_id]
    return next((BY_OUTPUT[port.type] for port in spec.outputs if port.type in BY_OUTPUT), None)
