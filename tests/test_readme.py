from __future__ import annotations

import re

from runtime.cli import parser
from tests.readme import README, with_table


def test_the_table_of_nodes_is_that_of_the_specs():
    text = README.read_text()
    assert text == with_table(text), "call `make readme`"


def test_every_command_that_the_readme_shows_exists():
    shown = set(re.findall(r"^glasspatch (\w+)", README.read_text(), re.MULTILINE))
    help_text = parser().format_help()
    assert shown and all(re.search(rf"^    {command} ", help_text, re.MULTILINE) for command in shown)


def test_the_readme_names_the_two_commands():
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", README.read_text(), re.MULTILINE))
