"""Several GPUs: a process for each, which all make the same steps, each on its part of every batch.

Lightning launches the processes itself only where a training is a script of its own; where the environment names a LOCAL_RANK it
joins those that somebody else started, which is what happens here (Lightning's guide: LightningEnvironment). RAVE calls
`backward` itself, which Lightning's DistributedDataParallel does not see, so the gradients are averaged before each step.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from runtime.errors import Cancelled, NodeError

NAMES = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "NODE_RANK", "LOCAL_RANK")


def share_of(batch: int, gpus: int) -> int:
    """How much of a batch each GPU hears. Raises NodeError where it cannot be parted."""
    if batch % gpus:
        raise NodeError(f"a batch of {batch} cannot be parted among {gpus} GPUs; set batch to {max(batch // gpus, 1) * gpus}")
    return batch // gpus


def require_gpus(gpus: int, accelerator: str, batch: int) -> None:
    """Raises NodeError where a training cannot run on so many GPUs."""
    import torch

    if gpus == 1:
        return
    found = torch.cuda.device_count() if accelerator == "cuda" else 0
    if found < gpus:
        raise NodeError(
            f"gpus is {gpus}, and this machine has {found or 'none'} that the training may use; set gpus to {max(found, 1)}"
        )
    share_of(batch, gpus)


@contextmanager
def ranks(gpus: int, follow: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """While it lasts, this process is the first of `gpus` and the others run `follow(*arguments)`; both know it by their
    environment. Raises NodeError where one of the others failed."""
    if gpus == 1:
        yield
        return
    before = {name: os.environ.get(name) for name in NAMES}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_join, args=(rank, gpus, port, follow, arguments)) for rank in range(1, gpus)]
    try:
        for process in started:
            process.start()
        _name(0, gpus, port)
        yield
        for process in started:
            process.join()
        if any(process.exitcode for process in started):
            raise NodeError("one of the GPUs failed; see the log of the training, and set gpus to 1 to train without the others")
    finally:
        for process in started:
            if process.is_alive():
                process.kill()
            process.join()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _leave()


def _join(rank: int, gpus: int, port: int, follow: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    _name(rank, gpus, port)
    with suppress(Cancelled):  # all end at the same step, and the first tells it
        follow(*arguments)


def _name(rank: int, gpus: int, port: int) -> None:
    os.environ |= dict(zip(NAMES, ("127.0.0.1", str(port), str(gpus), "0", str(rank)), strict=True))


def _leave() -> None:
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def rank() -> int:
    """Which of the GPUs this process is at, from 0."""
    return int(os.environ.get("LOCAL_RANK", 0))


def average_gradients(optimizer: Any) -> None:
    """Gives every GPU the mean of all GPUs' gradients. Those that a step does not touch are None everywhere."""
    from torch import distributed

    world = distributed.get_world_size()
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if weight.grad is not None:
                distributed.all_reduce(weight.grad)
                weight.grad /= world


def require_same(weights: Any) -> None:
    """Raises NodeError where the GPUs' weights have come apart."""
    import torch
    from torch import distributed

    total = torch.stack([weight.detach().double().abs().sum() for weight in weights]).sum()
    first = total.clone()
    distributed.broadcast(first, src=0)
    if float((first - total).abs()) > 1e-9 * float(first.abs()):
        raise NodeError("the GPUs have come apart; set gpus to 1")
