"""How late the sound answers what comes in, for every way from outside to the loudspeakers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.engine import Engine
from runtime.feed import Feed
from runtime.messages import REMOTE


def latencies(
    engine: Engine, feeds: Mapping[str, Feed], speaker: Any, rendering: float, since_asked: float | None
) -> dict[str, float]:
    """Seconds from each source to the loudspeakers: the age of its news when the engine took it, what nodes declare, the
    `rendering` of a block, and the device. `since_asked`: how old the newest param from MIDI or OSC was when the engine got it;
    it then waits for a block, half of one in the mean."""
    found: dict[str, float] = {}
    after: float = rendering + speaker.output_latency
    for node, feed in feeds.items():
        declared = engine.latency_from(node)
        if declared is not None and feed.applied is not None:
            stamp, taken = feed.applied
            found[node] = taken - stamp + declared / engine.sample_rate + after
    for name, instance in engine.instances().items():
        if instance.spec.listens and (declared := engine.latency_from(name)) is not None:
            found[name] = speaker.input_latency + declared / engine.sample_rate + after
    if since_asked is not None:
        found[REMOTE] = since_asked + 0.5 * engine.block / engine.sample_rate + after
    return found
