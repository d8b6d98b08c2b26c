"""What the show check finds."""

from __future__ import annotations

import shutil

from runtime.messages import RecallScene, Snapshot
from runtime.terminal.rehearse import Tour, gaps, look
from runtime.trust import trust
from runtime.worker import Order
from tests.command import ROOT


def snapshot(seconds, **counters):
    return Snapshot(seconds, 0.0, 0.0, counters, None, {}, {}, {}, "a card", None, {})


def test_a_tour_goes_to_each_scene_in_its_time_and_knows_what_each_cost():
    tour = Tour(["storm", "calm"], 9.0)
    assert tour.go(None) == () and tour.go(snapshot(1.0, starved=1)) == ()
    assert tour.go(snapshot(3.1, starved=1)) == (RecallScene("storm"),)
    assert tour.go(snapshot(5.0, starved=3)) == () and tour.cost == {"storm": 2}
    assert tour.go(snapshot(6.1, starved=3, underflows=1)) == (RecallScene("calm"),)
    assert tour.go(snapshot(8.0, starved=3, underflows=1)) == () and tour.cost == {"storm": 3, "calm": 0}


def test_a_block_over_its_budget_and_a_malformed_packet_are_no_gaps():
    assert gaps(snapshot(1.0, over_budget=3, malformed=9, starved=0, lost=1)) == {"lost": 1}


def test_models_are_looked_at_by_their_content(tmp_path):
    shutil.copytree(ROOT / "patches" / "demo.assets", tmp_path / "demo.assets")
    shutil.copytree(ROOT / "patches" / "demo", tmp_path / "demo")
    path, model = tmp_path / "demo.json", tmp_path / "demo.assets" / "trainer" / "model.ts"
    shutil.copy(ROOT / "patches" / "demo.json", path)
    trust(model)
    lines, wrong = look(Order(path, path.read_text(), device="none"))
    assert wrong == ["sound card: none was chosen; nothing can be heard"]
    assert any(line.startswith("ok  trainer.model    model.ts, ") for line in lines)
    with open(model, "ab") as file:
        file.write(b"one byte more")
    _, wrong = look(Order(path, path.read_text(), device="none"))
    assert any(words.startswith("trainer.model: ") for words in wrong), wrong
