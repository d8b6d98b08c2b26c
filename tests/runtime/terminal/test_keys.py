import os
import pty
import sys

import pytest

from runtime import messages as ask
from runtime.terminal.keys import Keys, pressed


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("  ", [ask.Stop(), ask.Start()]),
        ("12", [ask.RecallScene("calm"), ask.RecallScene("storm")]),
        ("3x", [None, None]),
        ("tt", [ask.StartTake(), ask.EndTake()]),
        ("urq", [ask.Undo(), ask.Redo(), ask.Quit()]),
    ],
)
def test_a_key_is_a_command(typed, asked):
    keys = Keys({"calm": {}, "storm": {}})
    assert [keys.command(key) for key in typed] == asked


def test_keys_come_one_by_one_from_a_terminal_and_are_not_waited_for(monkeypatch):
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with pressed() as read:
            assert read() == ""
            os.write(ours, b"1 q")
            typed = ""
            while len(typed) < 3:
                typed += read()
            assert typed == "1 q"
    os.close(ours)
