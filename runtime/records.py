"""What a job would be made from now, against what its result was made from: the record, its key, and the difference in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from runtime.artifacts import Artifact, Assets, fingerprint, signature, versions
from runtime.plan import Plan, Step
from runtime.seeds import node_seed
from runtime.spec import NodeSpec, PathParam

LONG = 200
"""Letters of a param, before and after, from which on it is only said that it has changed."""


def record_of(step: Step, seed: int, artifacts: Mapping[str, Artifact | None], assets: Assets) -> dict[str, Any]:
    """All that is known before the job runs, `seed` being the patch's."""
    spec = step.spec
    inputs = {
        port: {"node": step.inputs[port][0][0], "output": step.inputs[port][0][1], "fingerprint": artifact.fingerprint}
        for port, artifact in artifacts.items()
        if artifact is not None
    }
    files = {
        param.name: signature(assets.patch_folder / step.params[param.name])
        for param in spec.params
        if isinstance(param, PathParam) and step.params[param.name] and param.what != "output"
    }
    record = {
        "node": step.node,
        "type": spec.type,
        "version": spec.version,
        "params": dict(step.params),
        "inputs": inputs,
        "files": files,
        "seed": node_seed(seed, step.seed or step.node),
        "versions": versions(),
    }
    return {**record, "key": key_of(spec, record)}


def key_of(spec: NodeSpec, record: Mapping[str, Any], *, further: bool = True) -> str:
    """Equal keys mean that the job would make the same again; equal keys without the `further` params, that it can go on from
    what it made. "" for a record that somebody damaged.

    The key leaves out library versions, params at their default and incidental ones: neither an upgrade nor a node that gets a
    new param nor another machine may throw away a training. It is worked out from the rest of the record, so that a rule that
    changes does not change what older records say."""
    try:
        params = {param.name: record["params"].get(param.name, param.default) for param in spec.params}
        chosen = {
            param.name: params[param.name]
            for param in spec.params
            if params[param.name] != param.default and not param.incidental and (further or not param.further)
        }
        inputs = {port: found["fingerprint"] for port, found in record["inputs"].items()}
        what = {name: record[name] for name in ("type", "version", "files", "seed")}
        text = json.dumps({**what, "inputs": inputs, "params": chosen}, sort_keys=True)
    except (AttributeError, KeyError, TypeError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()


def goes_on_from(spec: NodeSpec, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether what was made, or begun, with the record `old` is where a job with the record `new` may go on."""
    return key_of(spec, old, further=False) == key_of(spec, new, further=False)


def is_made(step: Step, key: str, assets: Assets) -> bool:
    """Whether the node's result was made from exactly this, and is still what its record says."""
    record = assets.record(step.node)
    if record is None or key_of(step.spec, record) != key:
        return False
    made = [assets.artifact(step.node, port.name) for port in step.spec.outputs if not port.standing]
    return all(found is not None and found.path.exists() and fingerprint(found.path) == found.fingerprint for found in made)


def difference(step: Step, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Why a result that was made with the record `old` is not what `new` would make, in words."""
    found = ["the node has changed"] if (old.get("type"), old.get("version")) != (new["type"], new["version"]) else []
    before = old.get("params")
    for param in step.spec.params:
        was = before.get(param.name, param.default) if isinstance(before, dict) else param.default
        if was != new["params"][param.name] and not param.incidental:
            now = new["params"][param.name]
            short = len(str(now)) + len(str(was)) < LONG
            found.append(f"{param.name} is {now}, was {was}" if short else f"{param.name} has changed")
    for what, words in (("inputs", "its {} has changed"), ("files", "the files of {} were changed or copied")):
        past = old.get(what)
        found += [words.format(name) for name, now in new[what].items() if not isinstance(past, dict) or past.get(name) != now]
    found += ["the seed has changed"] if old.get("seed") != new["seed"] else []
    return " and ".join(found) or "its result has changed on the disk"


def out_of_date(plan: Plan, assets: Assets) -> dict[str, str]:
    """Each job that `run` would make, and why, in the order of the plan. Reads no recording, and no model but one that a param
    names."""
    found: dict[str, str] = {}
    for step in plan.jobs:
        old = assets.record(step.node)
        artifacts = {port: assets.artifact(*sources[0]) for port, sources in step.inputs.items() if sources}
        if old is None:
            found[step.node] = "has not been made yet"
        elif None not in artifacts.values():
            new = record_of(step, plan.settings["seed"], artifacts, assets)
            if key_of(step.spec, old) != new["key"]:
                how = ", going on from what is there" if goes_on_from(step.spec, old, new) else ""
                found[step.node] = f"would be made anew{how}: {difference(step, old, new)}"
    return found
