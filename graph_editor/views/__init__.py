"""What nodes show of what they do. A family brings its own views here, so that nodes never know the editor."""

from __future__ import annotations

from graph_editor.previews import Make
from graph_editor.views.signals import Curves, Meter, Picture
from runtime.spec import PortType

BY_NODE: dict[str, Make] = {"audio.output": Meter}
"""The view of a kind of node."""
BY_OUTPUT: dict[PortType, Make] = {PortType.AUDIO: Meter, PortType.CONTROL: Curves, PortType.IMAGE: Picture}
"""The preview of what a node gives, where its kind has no view of its own; by the type of its first output that has one."""
DETAILS: dict[str, Make] = {}
"""A larger view in the inspector."""
