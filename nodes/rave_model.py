"""Exported RAVE models: opening a file, and what a streaming model keeps from call to call."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import Any

from runtime.errors import NodeError
from runtime.trust import require_trust

WARM_UP_CALLS = 5
"""TorchScript compiles during the first calls, for 0.1 to 0.6 s each; after five it was always done."""


def require_archive(path: Path) -> None:
    """Raises NodeError for what is no TorchScript file, or is cut short; nothing of it is run."""
    if not path.is_file():
        raise NodeError(f"{path.name} is not there; choose a .ts model, or run the patch that makes it")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise NodeError(f"{path.name} is not a model, or is cut short: it cannot be opened as TorchScript") from error
    if not any("/code/" in name for name in names):
        raise NodeError(f"{path.name} is a zip file but no TorchScript model; export one with: rave export --streaming")


def load_model(path: Path) -> Any:
    """The TorchScript model in a file, on the CPU. Raises NodeError where the user has not trusted the file, or where it is none.

    Sets torch to one thread: two have a better median and a tail that no block length covers."""
    if not path.is_file():
        raise NodeError(f"{path.name} is not there; choose a .ts model, or run the patch that makes it")
    require_trust(path)
    import torch

    torch.set_num_threads(1)
    try:
        return torch.jit.load(str(path), map_location="cpu").eval()
    except Exception as error:  # torch raises RuntimeError, ValueError and others for files that are no models or are cut short
        raise NodeError(f"{path.name} is not a model, or is cut short: it cannot be opened as TorchScript") from error


def refusal(model: Any, name: str) -> str | None:
    """Why a model cannot be played, in words; None where it is a streaming RAVE model."""
    for method in ("encode", "decode"):
        if not hasattr(model, method) or not hasattr(model, f"{method}_params"):
            return f"{name} has no {method} method, so it is no RAVE model; export one with: rave export --streaming"
    if not caches(model):
        return (
            f"{name} was exported without streaming and would click at every latent frame; export it again with: "
            "rave export --streaming"
        )
    return None


def open_model(path: Path) -> Any:
    """The streaming RAVE model in a `.ts` file, ready to be called in inference mode. Raises NodeError as `load_model` does, and
    where it is no such model."""
    model = load_model(path)
    if refused := refusal(model, path.name):
        raise NodeError(refused)
    return model


def caches(model: Any) -> list[Any]:
    """The buffers in which a streaming model keeps the end of the last call: `pad` of cached convolutions, `cache` of cached
    transposed ones."""
    return [buffer for name, buffer in model.named_buffers() if name.rpartition(".")[2] in ("pad", "cache")]


def reset_caches(model: Any) -> None:
    """Silences what a model remembers: a fresh one still holds sound from its export, which would click."""
    for buffer in caches(model):
        buffer.zero_()


def warm_up(model: Any, call: Any, calls: int = WARM_UP_CALLS) -> None:
    """Calls until TorchScript has compiled, then silences what this left behind."""
    import torch

    with torch.inference_mode():
        for _ in range(calls):
            call()
    reset_caches(model)


def quick_decode(model: Any, latent: Any) -> Any:
    """A function like model.decode, warmed up for latents like `latent` and with silent caches, that says the same 3 to 8 %
    sooner: that of a copy whose weights are constants of its code. It remembers in the caches of `model`, so that
    `reset_caches(model)` silences both. For a model of which this is not so, its own decode."""
    import torch

    def first(decode: Any, calls: int) -> Any:
        warm_up(model, partial(decode, latent), calls)
        torch.manual_seed(0)
        with torch.inference_mode():
            return decode(latent)

    try:
        quick = torch.jit.freeze(model, preserved_attrs=["decode"]).decode
        same = torch.equal(first(quick, WARM_UP_CALLS), first(model.decode, 1))
    except RuntimeError:  # torch's word for all that it cannot do
        same = False
    if not same:
        warm_up(model, partial(model.decode, latent))
        return model.decode
    reset_caches(model)
    return quick
