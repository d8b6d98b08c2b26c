"""What is found out about a model by playing it: toys whose numbers are known, a real export, and what crashes or hangs."""

from __future__ import annotations

import json
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nodes.rave import RaveFile
from nodes.rave_inspect import inspect, try_model
from nodes.rave_model import require_archive
from runtime.errors import Cancelled, NodeError
from runtime.trial import attempt
from runtime.trust import trust
from tests.command import ROOT, call
from tests.drive import job

RATE, RATIO = 44100, 512


@pytest.fixture(scope="module", autouse=True)
def own_trust_list(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSPATCH_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


class Toy(torch.nn.Module):
    """A model of two latents, whose sum is its sound: loud by `gain`, late by `delay` samples, with `noise` of the seed or, with
    `wild`, of a count of its calls."""

    def __init__(self, gain: float = 0.1, delay: int = 1, noise: float = 0.0, *, wild=False, endless=False, broken=False) -> None:
        super().__init__()
        self.register_buffer("encode_params", torch.tensor([1, 1, 2, RATIO]))
        self.register_buffer("decode_params", torch.tensor([2, RATIO, 1, 1]))
        self.register_buffer("fidelity", torch.tensor([0.6, 0.9, 1.0]))
        self.register_buffer("latent_pca", torch.eye(3))
        self.register_buffer("pad", torch.zeros(1, 1, delay))
        self.register_buffer("count", torch.zeros(1))
        self.sr = RATE
        self.gain, self.delay, self.noise = gain, delay, noise
        self.wild, self.endless, self.broken = wild, endless, broken

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        while self.endless:
            self.count += 1.0
        if self.broken:
            z = z + torch.zeros(1, 5, 1)
        y = self.gain * (1.0 + z.sum(1, keepdim=True)).repeat_interleave(512, dim=2)
        if self.noise > 0.0:
            y = y + self.noise * torch.randn_like(y)
        if self.wild:
            self.count += 1.0
            y = y + self.count * 1e-3
        both = torch.cat([self.pad, y], 2)
        self.pad.copy_(both[:, :, -self.delay :])
        return both[:, :, : y.shape[2]]

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, ::512].repeat(1, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


def toy(folder: Path, **kinds: Any) -> Path:
    path = folder / "toy.ts"
    torch.jit.script(Toy(**kinds)).save(str(path))
    trust(path)
    return path


def found_in(path: Path) -> dict[str, Any]:
    return inspect(str(path), lambda words: None)


def test_what_a_model_says_of_itself_is_told(tmp_path: Path) -> None:
    found = found_in(toy(tmp_path))
    assert (found["sample_rate"], found["ratio"], found["latents"], found["all_latents"]) == (44100, 512, 2, 3)
    assert found["channels"] == (1, 1) and found["is_streaming"]
    assert found["explained"] == pytest.approx(0.9)
    assert found["methods"] == ("decode", "encode")
    assert (found["refusals"], found["warnings"]) == ((), ())


@pytest.mark.parametrize("delay", [441, 8820])
def test_the_time_in_which_a_model_answers_a_gesture_is_measured_to_the_sample(tmp_path: Path, delay: int) -> None:
    first, half = found_in(toy(tmp_path, delay=delay))["answers"]
    assert first == pytest.approx(delay / RATE, abs=1 / RATE)
    assert first < half < first + 0.01  # the window over which the level is taken


def test_a_model_that_answers_late_is_told_to_be_not_causal(tmp_path: Path) -> None:
    assert "answers a gesture 100 ms late: it is not causal" in found_in(toy(tmp_path, delay=4410))["warnings"][0]


def test_a_silent_model_is_told(tmp_path: Path) -> None:
    found = found_in(toy(tmp_path, gain=1e-6))
    assert found["peak"] < 1e-4 and "toy.ts is silent whatever its latents are" in found["warnings"][0]
    assert ["loudest", "silent"] in [list(row) for row in found["rows"]]


def test_a_model_that_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    found = found_in(toy(tmp_path, gain=float("nan")))
    assert not found["is_finite"] and "gives samples that are no numbers" in found["refusals"][0]


def test_how_much_of_the_sound_the_seed_decides_is_measured(tmp_path: Path) -> None:
    steady, noisy = found_in(toy(tmp_path)), found_in(toy(tmp_path, gain=1e-9, noise=0.1))
    assert steady["noise"] == 0 and steady["is_repeatable"]
    # Two independent noises differ by the root of two of their level.
    assert noisy["noise"] == pytest.approx(np.sqrt(2), abs=0.02) and noisy["is_repeatable"]


def test_a_model_that_no_seed_makes_repeat_itself_is_told(tmp_path: Path) -> None:
    found = found_in(toy(tmp_path, wild=True))
    assert found["is_repeatable"] is False and "gives another sound each time" in found["warnings"][-1]


def test_a_model_without_a_memory_is_told_to_be_no_streaming_one(tmp_path: Path) -> None:
    class Plain(Toy):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kept", torch.zeros(1, 1, 1))
            del self.pad

        @torch.jit.export
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return z.sum(1, keepdim=True).repeat_interleave(512, dim=2)

    torch.jit.script(Plain()).save(str(tmp_path / "plain.ts"))
    trust(tmp_path / "plain.ts")
    found = found_in(tmp_path / "plain.ts")
    assert not found["is_streaming"] and "exported without streaming and would click" in found["refusals"][0]
    assert found["latents"] == 2


def test_a_model_whose_code_fails_is_refused_with_its_reason(tmp_path: Path) -> None:
    refused = found_in(toy(tmp_path, broken=True))["refusals"][0]
    assert "toy.ts fails when it is played: RuntimeError: " in refused and "\n" not in refused


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: path.write_text("not a model"), "is not a model, or is cut short"),
        (lambda path: path.write_bytes(b""), "is not a model, or is cut short"),
        (lambda path: zipfile.ZipFile(path, "w").writestr("a.txt", ""), "is a zip file but no TorchScript model"),
        (lambda path: None, "is not there; choose a .ts model"),
    ],
)
def test_what_is_no_torchscript_is_refused_and_not_run(tmp_path: Path, write: Callable[[Path], Any], words: str) -> None:
    write(tmp_path / "m.ts")
    with pytest.raises(NodeError, match=words):
        require_archive(tmp_path / "m.ts")


# In a process of its own


def boom(argument: str, tell: Callable[[str], None]) -> str:
    """Answers, refuses, crashes or hangs, as it is told to."""
    tell("it thought")
    if argument == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if argument == "memory":
        os.kill(os.getpid(), signal.SIGKILL)
    if argument == "leave":
        os._exit(3)
    if argument == "hang":
        time.sleep(600)
    if argument == "refuse":
        raise NodeError("no such luck")
    if argument == "fail":
        raise ZeroDivisionError("of ours")
    return argument


def attempt_boom(argument: str, seconds: float = 60.0, **options: Any) -> Any:
    return attempt("tests.nodes.test_rave_inspect", "boom", argument, seconds, what="It", **options)


@pytest.mark.parametrize(
    ("argument", "seconds", "words"),
    [
        ("crash", 60, r"It crashed while it thought \(SIGSEGV\); it cannot be used, and nothing else was harmed"),
        ("memory", 60, "It crashed while it thought .the system ended it, probably for want of memory"),
        ("leave", 60, r"\(exit code 3\)"),
        ("hang", 3, r"It gave no answer within 3 s while .*; it cannot be used on this machine"),
        ("refuse", 60, "^no such luck$"),
        ("fail", 60, "ZeroDivisionError: of ours"),
    ],
)
@pytest.mark.slow
def test_a_crash_and_a_hang_are_told_in_words(argument: str, seconds: float, words: str) -> None:
    with pytest.raises(NodeError, match=words):
        attempt_boom(argument, seconds)


@pytest.mark.slow
def test_a_trial_answers_and_tells_what_it_does() -> None:
    told: list[str] = []
    assert attempt_boom("fine", tell=told.append) == "fine" and told == ["it thought"]


@pytest.mark.slow
def test_a_trial_is_stopped_by_the_user() -> None:
    began = time.monotonic()
    with pytest.raises(Cancelled):
        attempt_boom("hang", is_cancelled=lambda: time.monotonic() - began > 0.3)
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_a_model_that_never_ends_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"toy.ts gave no answer within 10 s while"):
        try_model(toy(tmp_path, endless=True), seconds=10)


def test_a_model_that_is_not_trusted_is_not_opened(tmp_path: Path) -> None:
    torch.jit.script(Toy(gain=0.123)).save(str(tmp_path / "stranger.ts"))
    with pytest.raises(NodeError, match="glasspatch trust"):
        try_model(tmp_path / "stranger.ts")


@pytest.mark.slow
def test_the_node_of_a_file_warns_of_what_was_found_and_keeps_it(tmp_path: Path) -> None:
    path = toy(tmp_path, delay=4410)
    outputs, reports, warnings = job(RaveFile(), tmp_path / "job", {"path": "toy.ts"}, patch_folder=tmp_path)
    assert outputs == {"model": path}
    assert "answers a gesture 100 ms late" in warnings[0]
    assert "trying it: it decoded" in [words for _, words in reports]
    assert json.loads((tmp_path / "job/found.json").read_text())["ratio"] == 512


@pytest.mark.slow
def test_inspect_tells_of_the_demo_model_what_its_card_says() -> None:
    model = ROOT / "patches/demo.assets/trainer/model.ts"
    trust(model)
    code, out, err = call("inspect", model, "--json", folder=ROOT)
    found, card = json.loads(out), json.loads(model.with_suffix(".json").read_text())
    assert (code, err) == (0, "")
    assert (found["sample_rate"], found["ratio"], found["latents"]) == (card["sample_rate"], card["ratio"], card["latents"])
    assert found["is_streaming"] and found["is_finite"] and found["is_repeatable"] and found["peak"] > 0.01
    assert found["answers"][0] < 0.02 and 0 < found["load"] < 1


def test_inspect_of_what_is_no_model_gives_1_and_of_nothing_2(tmp_path: Path) -> None:
    (tmp_path / "m.ts").write_text("words")
    assert call("inspect", "m.ts", folder=tmp_path)[0] == 1
    assert call("inspect", "no.ts", folder=tmp_path)[0] == 2
