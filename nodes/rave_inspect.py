"""What a model file is, and how it behaves on this machine: found out by playing it, in a process that may crash."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nodes.rave_model import caches, load_model, refusal, require_archive, reset_caches, warm_up
from runtime.trial import attempt
from runtime.trust import require_trust

TRIAL = 120.0
"""Seconds that a model may take to be tried: v3 on one slow core needs 40."""
SILENT = 1e-4
"""-80 dBFS."""
TIMED = 2.0
"""Seconds of calls that are timed, after the first ones in which TorchScript compiles."""
BEFORE, AFTER = 0.4, 1.2
"""Seconds of sound before and after the step to which a model answers: no memory of a streaming model is longer."""
CHANGE = 1e-3
"""A change begins where it is this part of its largest value, -60 dB."""
MOST_LOAD = 0.7
"""Share of real time above which a decoder has no room for what else plays: the tail of its times is a third above its median."""
LATE = 0.05
"""Seconds: gestures that sound later feel slow (20 to 30 ms is just noticeable)."""


@dataclass(frozen=True)
class Found:
    """All about a model; None where it cannot be known. Seconds of work are those of one core of this machine."""

    name: str
    megabytes: float
    sample_rate: int | None = None
    ratio: int | None = None
    """Frames of sound for each latent frame."""
    latents: int | None = None
    all_latents: int | None = None
    """Before the export dropped some; None where that is not known."""
    explained: float | None = None
    """Part of the variance of the training's sound that the latents explain, 0 to 1."""
    channels: tuple[int, int] | None = None
    """In and out."""
    methods: tuple[str, ...] = ()
    is_streaming: bool = False
    is_finite: bool | None = None
    peak: float | None = None
    decode: tuple[float, float] | None = None
    """Median and 99th percentile of the seconds that one latent frame takes."""
    encode: tuple[float, float] | None = None
    load: float | None = None
    """Median of decode as a part of real time."""
    answers: tuple[float, float] | None = None
    """Seconds of sound from a step of all latents to where the sound begins to change, and to where half of the change is."""
    is_repeatable: bool | None = None
    """Whether the same seed gives the same bytes."""
    noise: float | None = None
    """How much two seeds differ, as a part of the sound's level (RMS)."""
    refusals: tuple[str, ...] = ()
    """Why it cannot be played, with what to do; empty where it can."""
    warnings: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """What was found, in words for a table."""
        told: list[tuple[str, str]] = [("size", f"{self.megabytes:.1f} MB")]
        if self.sample_rate and self.ratio:
            told.append(("sample rate", f"{self.sample_rate} Hz"))
            told.append(("latent frame", f"{self.ratio} frames, {1000 * self.ratio / self.sample_rate:.1f} ms"))
        if self.latents:
            of = f" of {self.all_latents}" if self.all_latents else ""
            share = f", {100 * self.explained:.0f} % of the variance" if self.explained is not None else ""
            told.append(("latents", f"{self.latents}{of}{share}"))
        if self.channels:
            told.append(("channels", f"{self.channels[0]} in, {self.channels[1]} out"))
        told.append(("methods", ", ".join(self.methods) or "none"))
        told.append(("streaming", "yes" if self.is_streaming else "no"))
        if self.peak is not None:
            level = f"{20 * np.log10(self.peak):.0f} dBFS" if self.peak > 0 else "silent"
            told.append(("loudest", "not finite" if not self.is_finite else "silent" if self.peak < SILENT else level))
        if self.load is not None and self.decode is not None:
            median, tail = (1000 * one for one in self.decode)
            told.append(("decoding", f"{median:.1f} ms a frame (99 %: {tail:.1f}), {100 * self.load:.0f} % of real time"))
        if self.encode is not None:
            told.append(("encoding", f"{1000 * self.encode[0]:.1f} ms a frame (99 %: {1000 * self.encode[1]:.1f})"))
        if self.answers is not None:
            first, half = (1000 * one for one in self.answers)
            told.append(("answers a gesture", f"after {first:.0f} ms, half of it after {half:.0f} ms"))
        if self.is_repeatable is not None and self.noise is not None:
            told.append(("same seed", "the same sound" if self.is_repeatable else "NOT the same sound"))
            told.append(
                ("another seed", "the same sound" if not self.noise else f"{100 * self.noise:.0f} % of the level differs")
            )
        return told

    def as_data(self) -> dict[str, Any]:
        """As JSON data."""
        return {**asdict(self), "rows": self.rows()}


def try_model(
    path: Path,
    tell: Callable[[str], None] = lambda words: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    seconds: float = TRIAL,
) -> dict[str, Any]:
    """What is found out about a model by playing it in a process of its own (`nodes.rave_inspect.Found` as data).

    Raises NodeError where it is no model or is not trusted, and where the process crashes or takes longer than `seconds`."""
    require_archive(path)
    require_trust(path)
    return attempt(
        "nodes.rave_inspect",
        "inspect",
        str(path),
        seconds,
        what=path.name,
        tell=lambda words: tell(f"trying it: {words}"),
        is_cancelled=is_cancelled,
    )


def inspect(path: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """`Found` of a trusted model file, as JSON data; `tell` hears what is tried just now, so that a crash can be placed."""
    file = Path(path)
    tell("it was opened")
    model = load_model(file)
    found = {**_told(model), "name": file.name, "megabytes": file.stat().st_size / 1e6}
    refused = refusal(model, file.name)
    if refused:
        return Found(**found, refusals=(refused,)).as_data()
    try:
        found |= _played(model, found, tell)
    except Exception as error:  # whatever the model's own code raises
        # TorchScript tells its own trace first and the reason last.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        return Found(**found, refusals=(f"{file.name} fails when it is played: {reason}",)).as_data()
    refusals, warnings = _judged(file.name, found)
    return Found(**found, refusals=refusals, warnings=warnings).as_data()


def _told(model: Any) -> dict[str, Any]:
    """What the file says of itself."""
    asked = [str(name) for name in model.get_methods()] if hasattr(model, "get_methods") else []
    methods = asked or [name for name in ("encode", "decode", "forward") if hasattr(model, f"{name}_params")]
    told: dict[str, Any] = {"methods": tuple(sorted(methods)), "is_streaming": bool(caches(model))}
    rate = getattr(model, "sr", None)
    told["sample_rate"] = int(rate) if isinstance(rate, int | float) else None
    if hasattr(model, "decode_params"):
        latents, ratio, out, _ = (int(number) for number in model.decode_params)
        told |= {"latents": latents, "ratio": ratio}
        told["channels"] = (int(model.encode_params[0]) if hasattr(model, "encode_params") else 0, out)
        if hasattr(model, "latent_pca"):
            told["all_latents"] = int(model.latent_pca.shape[0])
        if hasattr(model, "fidelity") and 0 < latents <= len(model.fidelity) and float(model.fidelity[-1]) > 0:
            told["explained"] = float(model.fidelity[latents - 1])
    return told


def _played(model: Any, told: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """How it behaves, one latent frame a call, as it is played."""
    import torch

    latents, ratio, channels = told["latents"], told["ratio"], told["channels"][0]
    frame = ratio / (told["sample_rate"] or 44100)
    zero, silence = torch.zeros(1, latents, 1), torch.zeros(1, channels, ratio)

    def sound(values: np.ndarray, seed: int = 0) -> np.ndarray:
        """Latents [frames, latents] as sound [channels, samples], from silence; each frame draws from a seed of its own."""
        reset_caches(model)
        parts = []
        with torch.inference_mode():
            for number, row in enumerate(np.ascontiguousarray(values, np.float32)):
                torch.manual_seed(1000 * seed + number)
                parts.append(model.decode(torch.from_numpy(row)[None, :, None]).numpy()[0].copy())
        return np.concatenate(parts, axis=1)

    tell("it decoded")
    warm_up(model, lambda: model.decode(zero))
    decode = _timed(lambda: model.decode(zero))
    before, after = (max(round(seconds / frame), 2) for seconds in (BEFORE, AFTER))
    walk = np.random.default_rng(0).standard_normal((after, latents))
    heard = sound(walk)
    finite = bool(np.isfinite(heard).all())
    found: dict[str, Any] = {"decode": decode, "load": decode[0] / frame, "is_finite": finite}
    found["peak"] = float(np.abs(np.nan_to_num(heard)).max())
    if finite and found["peak"] >= SILENT:
        tell("it decoded twice the same")
        level = float(np.sqrt(np.mean(heard**2)))
        found["is_repeatable"] = sound(walk).tobytes() == heard.tobytes()
        found["noise"] = float(np.sqrt(np.mean((sound(walk, 1) - heard) ** 2))) / level
        tell("it answered a step of its latents")
        stepped = np.repeat([[0.0], [2.0]], (before, after), axis=0) * np.ones(latents)
        change = np.abs(sound(stepped) - sound(0 * stepped)).max(axis=0)
        found["answers"] = _answer(change[before * ratio :], ratio / frame)
    tell("it encoded")
    warm_up(model, lambda: model.encode(silence))
    found["encode"] = _timed(lambda: model.encode(silence))
    noise = torch.from_numpy(np.random.default_rng(1).uniform(-0.5, 0.5, (1, channels, 4 * ratio)).astype(np.float32))
    with torch.inference_mode():
        found["is_finite"] = finite and bool(torch.isfinite(model.encode(noise)).all())
    return found


def _timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Median and 99th percentile of the seconds that a call takes. They are counted by this thread's own clock, which stands
    while others have the core: a machine that trains beside makes no model slow."""
    import torch

    took: list[float] = []
    with torch.inference_mode():
        while sum(took) < TIMED and len(took) < 1000:
            began = time.thread_time()
            call()
            took.append(time.thread_time() - began)
    return float(np.median(took)), float(np.percentile(took, 99))


def _answer(change: np.ndarray, rate: float) -> tuple[float, float] | None:
    """When a change [samples] begins and when its level has come half the way to that of its end, in seconds; None where nothing
    changes."""
    largest = float(change.max())
    if largest <= 0.0:
        return None
    first = int(np.argmax(change > CHANGE * largest))
    window = max(round(0.01 * rate), 1)
    level = np.convolve(change**2, np.ones(window) / window, mode="full")[: len(change)]
    half = int(np.argmax(level > level[len(level) // 2 :].mean() / 2))
    return first / rate, half / rate


def _judged(name: str, found: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why it cannot be played, and what the artist should know before."""
    refusals, warnings = [], []
    if not found["is_finite"]:
        refusals.append(f"{name} gives samples that are no numbers; train it again, or export an earlier checkpoint")
    elif found["peak"] < SILENT:
        warnings.append(f"{name} is silent whatever its latents are; it has not learned anything yet, or its export went wrong")
    elif found.get("answers") is None:
        warnings.append(f"the sound of {name} does not change with its latents: gestures will do nothing")
    if found["load"] >= MOST_LOAD:
        warnings.append(
            f"{name} takes {100 * found['load']:.0f} % of real time on one core of this machine: too slow to play, fine to render"
        )
    if found.get("answers") and found["answers"][0] > LATE:
        warnings.append(
            f"{name} answers a gesture {1000 * found['answers'][0]:.0f} ms late: it is not causal; train with causal to play it"
        )
    if found.get("is_repeatable") is False:
        warnings.append(f"{name} gives another sound each time, whatever the seed: takes of it cannot be repeated to the sample")
    if found["sample_rate"] is None:
        warnings.append(f"{name} does not tell its sample rate; it plays at that of the patch")
    return tuple(refusals), tuple(warnings)
