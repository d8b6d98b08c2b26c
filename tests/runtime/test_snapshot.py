"""What a snapshot tells of the streams that it was asked for."""

import time

from runtime import messages as say
from runtime.live import Live
from tests.command import write_patch
from tests.runtime.test_spare import order, until


def test_controls_come_with_their_names_and_sounds_whole_only_where_that_is_asked(tmp_path):
    path = write_patch(
        tmp_path,
        {
            "hand": ("control.lfo", {"name": "height"}),
            "tone": ("audio.oscillator", {}),
            "soft": ("audio.gain", {}),
            "out": ("audio.output", {}),
        },
        *("tone.audio -> soft.audio", "soft.audio -> out.audio"),
    )
    places = (("hand", "control"), ("tone", "audio"), ("soft", "audio"))
    with Live(order(path)) as live:
        until(live, say.Playing)
        told, end = None, time.monotonic() + 20.0
        while told is None or not set(places) <= set(told.values):
            assert time.monotonic() < end, told
            live.send(say.Poll(places, whole=(("soft", "audio"),)))
            told = next((event for event in live.events(0.2) if isinstance(event, say.Snapshot)), told)
    assert told.names == {("hand", "control"): ("height",)}
    assert told.values["hand", "control"].shape == (1,)
    block = told.values["soft", "audio"].shape[1]
    assert block >= 64 and told.values["tone", "audio"].shape == (1, block // 8)
