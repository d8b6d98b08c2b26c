"""Speaks OSC to what the tests start."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A UDP port of this machine that nobody listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def osc_packet(address: str, *values: object) -> bytes:
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)  # type: ignore[arg-type]
    return bytes(builder.build().dgram)


def send_osc(port: int, address: str, *values: object) -> None:
    """Sends one message to a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(osc_packet(address, *values), ("127.0.0.1", port))
