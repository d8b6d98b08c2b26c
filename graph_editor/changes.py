"""What a performance has changed in its document, done to ours: only the difference, so that nothing else that we did is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runtime.patch import Patch, loads
from runtime.subpatch import flattened, folded_back

_NOTHING = object()


def merged(ours: Patch, before: str, after: str) -> Patch:
    """Our patch with the params, wires, scenes and bindings that differ between two patch texts of the performance as the second
    has them. What speaks of nodes that we do not have is left out. Raises PatchError where a text is no patch."""
    one, two, flat = flattened(loads(before)), flattened(loads(after)), flattened(ours)
    nodes = dict(flat.nodes)
    for name, node in two.nodes.items():
        old = one.nodes.get(name)
        if old is not None and name in nodes and old.params != node.params:
            nodes[name] = replace(nodes[name], params=_differing(nodes[name].params, old.params, node.params))
    added = {link for link in {*two.links} - {*one.links} if link.ends()[0] in flat.nodes and link.ends()[2] in flat.nodes}
    links = ({*flat.links} - ({*one.links} - {*two.links})) | added
    bindings = [binding for binding in flat.bindings if binding in two.bindings or binding not in one.bindings]
    bindings += [binding for binding in two.bindings if binding not in one.bindings and binding not in bindings]
    scenes = _differing(flat.scenes, one.scenes, two.scenes)
    changed = replace(flat, nodes=nodes, links=tuple(sorted(links)), scenes=scenes, bindings=tuple(bindings))
    return folded_back(ours, changed)


def _differing(ours: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Ours, with what differs between the other two as it is after."""
    result = dict(ours)
    for key in before.keys() | after.keys():
        if before.get(key, _NOTHING) != after.get(key, _NOTHING):
            if key in after:
                result[key] = after[key]
            else:
                result.pop(key, None)
    return result
