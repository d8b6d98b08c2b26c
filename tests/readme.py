"""Writes the README's table of nodes from the specs: `make readme`."""

from __future__ import annotations

from pathlib import Path

from runtime.registry import discover, help_of
from runtime.terminal.open import NODES
from runtime.terminal.pages import node_table

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- nodes: made by `make readme` -->\n", "<!-- end of nodes -->"


def with_table(text: str) -> str:
    """The README's text with today's table."""
    registry = discover(NODES)
    table = node_table([registry.nodes[name].spec.describe(help_of(registry.nodes[name])) for name in sorted(registry.nodes)])
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
