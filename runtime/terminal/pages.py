"""How nodes and records read on a screen and in the README."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.artifacts import Assets
from runtime.corpus import Corpus
from runtime.spec import PortType


def node_table(data: Sequence[dict[str, Any]]) -> str:
    """The README's table of nodes."""

    def names(items: Sequence[dict[str, Any]]) -> str:
        return ", ".join(item["name"] for item in items) or "-"

    rows = [
        f"| `{node['type']}` | {first_sentence(node['help'])}. | {names(node['inputs'])} "
        f"| {names(node['outputs'])} | {names(node['params'])} |"
        for node in data
    ]
    return "\n".join(["| node | what it does | inputs | outputs | params |", "|---|---|---|---|---|", *rows])


def first_sentence(text: str) -> str:
    """The first sentence of a help text, on one line, without its full stop."""
    return text.split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".")


def node_page(node: dict[str, Any]) -> str:
    """All about one node: help, ports, params with range, unit and default, actions."""
    lines = [f"{node['title']} ({node['type']})", "", node["help"]]
    for heading in ("inputs", "outputs", "params", "actions"):
        if node[heading]:
            lines += ["", heading]
        for item in node[heading]:
            kind = f" ({item['type']})" if "type" in item else ""
            rule = [f"{item['low']} to {item['high']}"] if "low" in item and "high" in item else []
            rule += [item["unit"]] if item.get("unit") else []
            rule += [" | ".join(map(str, item["choices"]))] if "choices" in item else []
            rule += [f"default {item['default']!r}"] if "default" in item else []
            rule += [flag for flag in ("optional", "delayed", "many") if item.get(flag)]
            lines.append(f"  {item['name'] + kind:24} {item['doc']}{' [' + ', '.join(rule) + ']' if rule else ''}")
    return "\n".join(lines)


def record_lines(record: Mapping[str, Any]) -> list[str]:
    """What made a result. Raises AttributeError, KeyError or TypeError where somebody wrote into the record."""
    params = ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(record["params"].items()))
    lines = [f"{record['node']} ({record['type']} version {record['version']}, seed {record['seed']})", f"  params   {params}"]
    for port, source in sorted(record["inputs"].items()):
        lines.append(f"  {port:8} from {source['node']}.{source['output']}, {source['fingerprint'][:12]}")
    lines.append("  versions " + ", ".join(f"{name} {number}" for name, number in sorted(record["versions"].items())))
    return lines + [f"  made     {output['path']}, {output['fingerprint'][:12]}" for output in record["outputs"].values()]


def made_lines(assets: Assets, record: Mapping[str, Any]) -> list[str]:
    """What lies in a result: the recordings of a corpus with their lengths and what was left out, the latents of a model."""
    lines: list[str] = []
    for output in record["outputs"]:
        made = assets.artifact(record["node"], output)
        if made is None:
            continue
        if made.type is PortType.CORPUS and made.path.is_dir():
            corpus = Corpus.read(made.path, assets.patch_folder)
            lines.append(
                f"  holds    {len(corpus.slices)} slices, {corpus.seconds:.1f} s, of {len(corpus.recordings)} recordings"
            )
            if not record["inputs"]:  # the node that found the recordings names them; those after it only cut
                lines += [f"    {recording.path}, {recording.seconds:.1f} s" for recording in corpus.recordings]
            lines += [f"    left out: {rejected.path}: {rejected.reason}" for rejected in corpus.rejected]
        card = made.path.with_name("model.json")
        if made.type is PortType.MODEL and card.is_file():
            told = json.loads(card.read_text(encoding="utf-8"))
            names = f"z0 to z{told['latents'] - 1}"
            lines.append(
                f"  holds    {told['latents']} latents, {names}, one per {told['ratio']} frames; trained to {told['phase']}"
            )
    return lines
