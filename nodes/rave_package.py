"""The package acids-rave: importing it, its gin configs, its model and its streaming export."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import math
import os
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import NodeError

VALIDATE_EVERY = 10_000
"""Most steps from one validation to the next, as in `rave train`."""


@dataclass(frozen=True)
class Training:
    """Everything that decides what a step does. Times in steps, crop in frames."""

    config: str
    causal: bool
    latent_size: int
    sample_rate: int
    steps: int
    gan_after: int
    batch: int
    crop: int
    seed: int
    corpus: str
    noise: bool = False
    augment: tuple[str, ...] = ()
    warm: str = ""
    """SHA-256 of the file that a warm start takes its weights from."""

    @property
    def key(self) -> str:
        """The same for trainings of which one can go on where the other stopped: they may differ in their last step only. What is
        at its default is left out: a training that does not use what is new goes on."""
        defaults = {one.name: one.default for one in fields(self)}
        told = {name: value for name, value in {**self.__dict__, "steps": 0}.items() if value != defaults[name]}
        return hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()

    @property
    def validations(self) -> frozenset[int]:
        """Numbers of steps after which to validate. The end of phase 1 is always among them: RAVE takes the axes of the latent
        space from the last validation before the encoder is frozen."""
        end = min(self.gan_after, self.steps)
        every = min(max(end // 10, 1), VALIDATE_EVERY)
        return frozenset({*range(every, self.steps + 1, every), end, self.steps})


def import_rave() -> Any:
    """Imports rave and gives the module.

    torchaudio's wheel links CUDA; beside a torch without CUDA its native library cannot be loaded, and the import fails. RAVE
    needs only its Python part, so on that failure, and only then, a stub stands in for the native one.
    """
    try:
        import torchaudio  # noqa: F401
    except OSError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        stub: Any = types.ModuleType("torchaudio._extension")
        stub._IS_TORCHAUDIO_EXT_AVAILABLE = False
        stub._IS_ALIGN_AVAILABLE = False
        stub._check_cuda_version = lambda: None
        stub.fail_if_no_align = lambda function: function
        sys.modules[stub.__name__] = stub
    import rave
    import rave.core
    import rave.dataset

    return rave


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps Lightning's advice for programmers and gin's search for its files out of the artist's log, and undoes what the
    export script does to torch when it is imported."""
    import_rave()
    import torch

    # rave imports Lightning, which sets the levels of its own loggers.
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric", "")]
    levels = [logger.level for logger in loggers]
    grad = torch.is_grad_enabled()
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_grad_enabled(grad)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def use_threads(count: int) -> None:
    """Sets torch's threads in this process; 0 is all cores but one.

    It is said here because the environment may hold torch to one thread, which is right for playing and not for training."""
    import torch

    torch.set_num_threads(count or max((os.cpu_count() or 1) - 1, 1))


def build(training: Training) -> Any:
    """A fresh rave.RAVE of the training's config. gin is global, so what an earlier training left is cleared first."""
    rave = import_rave()
    import gin

    gin.clear_config(clear_constants=True)
    files = [f"{training.config}.gin", *(["causal.gin"] if training.causal else [])]
    bindings = [
        f"LATENT_SIZE = {training.latent_size}",
        f"SAMPLING_RATE = {training.sample_rate}",
        f"PHASE_1_DURATION = {training.gan_after}",
    ]
    if training.noise and training.config == "raspberry":
        bindings.append("blocks.Generator.use_noise = True")
    elif training.noise and training.config in ("v2", "v3"):
        files.append("noise.gin")
    gin.parse_config_files_and_bindings(files, bindings)
    return rave.RAVE(n_channels=1)


def export_script() -> Any:
    """The package's export script, as a module. It is loaded from its file: another `scripts` may come first on the path."""
    import gin
    import torch

    name = "acids_rave_export"
    if name not in sys.modules:
        path = Path(import_rave().__file__).parent.parent / "scripts" / "export.py"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise NodeError("acids-rave is installed without its export script; install the program again")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        root, grad = logging.getLogger(), torch.is_grad_enabled()
        handlers, level = root.handlers[:], root.level
        gin.clear_config(clear_constants=True)  # it locks its registry, to which the script adds
        spec.loader.exec_module(module)
        torch.set_grad_enabled(grad)  # it turns gradients off, and a training may be going on
        root.handlers = handlers
        root.setLevel(level)
    return sys.modules[name]


def latents_kept(fidelity: np.ndarray, wished: int, least: float = 0.95) -> int:
    """How many latent dimensions the exported model has: a power of two, as in `rave export`, and never more than there are.

    `fidelity` is the variance explained by the first 1, 2, ... dimensions; 0 `wished` keeps the fewest that explain `least` of it
    (`rave export` counts one less before it rounds up)."""
    count = wished or int(np.argmax(fidelity > least)) + 1
    return min(2 ** math.ceil(math.log2(count)), 2 ** int(math.log2(len(fidelity))))


def export(training: Training, weights: dict[str, Any], count: int, path: Path) -> None:
    """Writes the streaming TorchScript model with `count` latents (a power of two), as `rave export --streaming` does."""
    import_rave()
    import cached_conv
    import torch

    script = export_script()
    cached_conv.use_cached_conv(True)
    try:
        model = build(training)
        model.load_state_dict(weights, strict=False)  # the caches of the convolutions are not in a checkpoint
        model.eval()
        for module in model.modules():
            if hasattr(module, "weight_g"):
                torch.nn.utils.remove_weight_norm(module)
        # The script chooses the number by a threshold on the fidelity buffer alone: it is shown a step at the wished place.
        fidelity = model.fidelity.clone()
        model.fidelity.copy_((torch.arange(training.latent_size) >= count).float())
        if count >= training.latent_size:
            model.fidelity[-1] = 1.0
        with torch.no_grad():
            scripted = script.VariationalScriptedRAVE(pretrained=model, fidelity=0.5)
            scripted.fidelity.copy_(fidelity)
            # TorchScript writes the file's name into the file: the name beside must be the same.
            beside = path.parent / "export" / path.name
            beside.parent.mkdir(exist_ok=True)
            scripted.export_to_ts(str(beside))
        beside.replace(path)
        beside.parent.rmdir()
    finally:
        cached_conv.use_cached_conv(False)
