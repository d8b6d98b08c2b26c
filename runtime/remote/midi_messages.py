"""MIDI messages as plain data, and the controls that texts such as cc74/2 mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.errors import GlasspatchError

KINDS = ("cc", "pitchbend", "aftertouch", "note", "velocity", "gate")
NUMBERED = ("cc", "note")


class MidiError(GlasspatchError):
    """A control that is not understood, or a MIDI system that is not there."""


@dataclass(frozen=True)
class Message:
    """One channel message. `kind` is cc, note, pitchbend or aftertouch; `channel` 1 to 16; `number` that of the controller or key
    (0 where there is none); `value` 0 to 1 (pitchbend -1 to 1; a note's is its velocity, 0 when it is released)."""

    kind: str
    channel: int
    number: int
    value: float


def decode(data: Sequence[int]) -> Message | None:
    """The message of these bytes; None for what is no business of ours (clocks, program changes, what is cut short)."""
    if len(data) < 2:
        return None
    status, channel, one, two = data[0] & 0xF0, (data[0] & 0x0F) + 1, data[1] & 0x7F, data[2] & 0x7F if len(data) > 2 else None
    if status == 0xD0:
        return Message("aftertouch", channel, 0, one / 127)
    if two is None:
        return None
    if status == 0xB0:
        return Message("cc", channel, one, two / 127)
    if status in (0x80, 0x90):
        return Message("note", channel, one, two / 127 if status == 0x90 else 0.0)
    if status == 0xA0:
        return Message("aftertouch", channel, one, two / 127)
    if status == 0xE0:
        bend = one + 128 * two - 8192
        return Message("pitchbend", channel, 0, bend / (8191 if bend > 0 else 8192))
    return None


def encode(message: Message) -> bytes:
    """The bytes of a message; values outside of their range are clamped."""
    channel = message.channel - 1
    if message.kind == "pitchbend":
        bend = round(max(-1.0, min(message.value, 1.0)) * (8191 if message.value > 0 else 8192)) + 8192
        return bytes((0xE0 | channel, bend % 128, bend // 128))
    value = round(127 * max(0.0, min(message.value, 1.0)))
    if message.kind == "aftertouch":
        return bytes((0xD0 | channel, value))
    return bytes(({"cc": 0xB0, "note": 0x90}[message.kind] | channel, message.number, value))


@dataclass(frozen=True)
class Control:
    """What of the messages is meant, written `cc74`, `cc74/2` (channel 2 only), `pitchbend`, `aftertouch`, `note` (the key that
    was pressed last), `velocity`, `gate` (1 while a key is down), or `note60` (that key's velocity, 0 when it is released)."""

    kind: str
    number: int | None = None
    channel: int | None = None

    def __str__(self) -> str:
        number = "" if self.number is None else self.number
        return f"{self.kind}{number}{f'/{self.channel}' if self.channel else ''}"

    def hears(self, message: Message) -> bool:
        """Whether a message is about this."""
        kind = "note" if self.kind in ("velocity", "gate") else self.kind
        return (
            message.kind == kind
            and self.number in (None, message.number)
            and (not self.channel or message.channel == self.channel)
        )


def parse(text: str) -> Control:
    """A control from its text. Raises MidiError."""
    found = re.fullmatch(r"([a-z]+?) ?([0-9]{1,4})?(?: ?/ ?([0-9]{1,4}))?", text.strip().lower())
    kind, number, channel = found.groups() if found else ("", None, None)
    if kind not in KINDS or (kind == "cc" and number is None) or (kind not in NUMBERED and number is not None):
        raise MidiError(f"{text.strip()!r} is no MIDI control; write cc74, cc74/2 (channel 2), {', '.join(KINDS[1:])} or note60")
    if number is not None and int(number) > 127:
        raise MidiError(f"{text.strip()!r}: controllers and keys have numbers from 0 to 127")
    if channel is not None and not 1 <= int(channel) <= 16:
        raise MidiError(f"{text.strip()!r}: channels have numbers from 1 to 16")
    return Control(kind, None if number is None else int(number), None if channel is None else int(channel))


def control_of(message: Message) -> Control:
    """The control that a message comes from, on its channel: note60/1 for a key."""
    return Control(message.kind, message.number if message.kind in NUMBERED else None, message.channel)


def plain(name: str) -> str:
    """A port's name without the numbers that ALSA puts behind it: they change whenever it is plugged in."""
    return re.sub(r" \d+:\d+$", "", name)
