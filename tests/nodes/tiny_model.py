"""A small TorchScript file with the methods of a RAVE model, whose latents are known: how loud, how high, how noisy it sounds.

It is opened, trusted and played like any model, in milliseconds; what a real export does is tested in test_rave.py."""

import math
from pathlib import Path

import torch

from runtime.artifacts import Artifact, hash_file
from runtime.spec import PortType
from runtime.trust import trust

FULL = 6
"""Latents before the export dropped some."""


class Ears(torch.nn.Module):
    """Means and deviations [1, 2 FULL, frames] of a sound: z0 the level in steps of 6 dB around -12 dBFS, z1 the zero crossings
    in octaves around 440 Hz, the others 0."""

    def __init__(self, ratio: int, rate: int) -> None:
        super().__init__()
        self.ratio, self.rate = ratio, rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        frames = x.reshape(x.shape[0], -1, self.ratio)
        level = torch.log2(frames.pow(2).mean(-1).sqrt() * 4.0 + 1e-5)
        crossings = (frames[:, :, 1:] * frames[:, :, :-1] < 0).float().sum(-1) * self.rate / self.ratio / 2.0
        pitch = torch.log2(crossings / 440.0 + 1e-3)
        mean = torch.stack([level, pitch], 1)
        rest = torch.zeros(x.shape[0], 4, frames.shape[1])
        return torch.cat([mean, rest, torch.zeros(x.shape[0], 6, frames.shape[1])], 1)


class Counting(torch.nn.Module):
    """Keeps from call to call a number that is no buffer, and says it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.register_buffer("pad", torch.zeros(1))

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.zeros_like(z) + self.calls


class Tiny(torch.nn.Module):
    def __init__(self, latents: int, ratio: int, rate: int, spread: float) -> None:
        super().__init__()
        self.sr, self.ratio, self.latents, self.spread = rate, ratio, latents, spread
        self.register_buffer("encode_params", torch.tensor([1, 1, latents, ratio]))
        self.register_buffer("decode_params", torch.tensor([latents, ratio, 1, 1]))
        self.register_buffer("latent_pca", torch.eye(FULL))
        self.register_buffer("latent_mean", torch.zeros(FULL))
        self.register_buffer("pad", torch.zeros(1))  # the phase: what a streaming model keeps between two calls
        self.pqmf = torch.nn.Identity()
        self.encoder = Ears(ratio, rate)

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        z = self.encoder(x)[:, :6]
        return (z + self.spread * torch.randn_like(z))[:, : self.latents]

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        drawn = torch.randn(z.shape[0], 6 - z.shape[1], z.shape[2])
        z = torch.cat([z, self.spread * drawn], 1).repeat_interleave(self.ratio, 2)
        steps = 2.0 * math.pi * 440.0 * torch.pow(2.0, z[:, 1]) / self.sr
        phase = self.pad + torch.cumsum(steps, 1)
        self.pad.copy_(phase[0, -1:] % (2.0 * math.pi))
        tone = torch.sin(phase) + torch.clamp(z[:, 2], 0.0, 8.0) * 0.3 * torch.randn_like(phase)
        tone = tone + 0.1 * z[:, 5]  # a dropped latent can be heard
        return (0.25 * 2.0**0.5 * torch.pow(2.0, z[:, 0]).clamp(0.0, 3.0) * tone).unsqueeze(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


class TinyWithPrior(Tiny):
    def __init__(self, latents: int, ratio: int, rate: int, spread: float) -> None:
        super().__init__(latents, ratio, rate, spread)
        self.register_buffer("prior_params", torch.tensor([1, ratio, latents, ratio]))

    @torch.jit.export
    def prior(self, temperature: torch.Tensor) -> torch.Tensor:
        return temperature * torch.randn(1, self.latents, 1)


def tiny_model(
    folder: Path,
    name: str = "tiny",
    latents: int = 4,
    ratio: int = 512,
    rate: int = 44100,
    spread: float = 0.1,
    prior: bool = False,
) -> Artifact:
    """The model in a file that the user trusts. `spread`: how far what it draws lies from the mean."""
    path = Path(folder, f"{name}.ts")
    kind = TinyWithPrior if prior else Tiny
    torch.jit.save(torch.jit.script(kind(latents, ratio, rate, spread).eval()), str(path))
    trust(path)
    return Artifact(PortType.MODEL, path, hash_file(path), {})
