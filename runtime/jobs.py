"""One job in a child process: what it is told, what it tells back, and the child's side of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from runtime.artifacts import Artifact
from runtime.errors import Cancelled, in_words
from runtime.node import Job

LOG = "log.txt"
MODEST = 10
"""By how much a job is nicer than a performance: beside an engine that wants the same core it gets a tenth of it."""


@dataclass(frozen=True)
class Order:
    """What the child is told: which class to run with what, where to write, and how many threads it may use."""

    node: str
    module: str
    cls: str
    params: Mapping[str, Any]
    artifacts: Mapping[str, Artifact | None]
    folder: Path
    patch_folder: Path
    seed: int
    threads: int
    before: Path | None = None


def limit_threads(threads: int) -> None:
    """Tells the number crunchers how many threads to use. Call it before numpy is imported: OpenBLAS's idle threads otherwise
    burn a core after every small product."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)


def make_way() -> None:
    """From now on this process leaves the processor to who wants it at once: a training may take what a performance leaves."""
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(MODEST)


def flush_denormals() -> None:
    """From now on this thread takes numbers that are too small to hear for 0: they cost a hundred times as much as others."""
    import numpy as np
    import torch

    for kind in (np.float32, np.float64):
        np.finfo(kind)  # numpy asks once, and warns of what it finds afterwards
    torch.set_flush_denormal(True)


def print_into_log(name: str, streams: tuple[int, ...] = (1, 2)) -> None:
    """From now on what this process prints, also from C, goes into a file in the user's folder and not to the screen: what goes
    to those `streams` (1 is stdout, 2 stderr)."""
    from runtime.folders import config_folder

    with suppress(OSError):  # a folder that cannot be written costs only the quiet
        config_folder().mkdir(parents=True, exist_ok=True)
        log = os.open(config_folder() / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for stream in streams:
            os.dup2(log, stream)
        os.close(log)


def work(order: Order, connection: Connection) -> None:
    """The child's main function. Sends ("progress", fraction, text), ("told", text, facts), ("warning", text), and last ("done",
    outputs), ("failed", words) or ("stopped",); ends at once when the parent is gone."""
    # The terminal sends Ctrl-C to parent and child alike; only the parent decides what stops, so that work is kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(order.threads)
    make_way()
    cancelled = threading.Event()
    threading.Thread(target=_listen, args=(connection, cancelled), daemon=True).start()
    sending = threading.Lock()

    def send(*message: Any) -> None:
        with sending, suppress(OSError):
            connection.send(message)

    try:
        # Libraries print what they like, also from C; the user reads it in the log, never over the progress bars.
        log = os.open(order.folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        node = getattr(import_module(order.module), order.cls)()
        job = Job(
            folder=order.folder,
            patch_folder=order.patch_folder,
            seed=order.seed,
            report=lambda fraction, text: send("progress", fraction, text),
            is_cancelled=cancelled.is_set,
            warn=lambda text: send("warning", text),
            tell=lambda text, facts: send("told", text, dict(facts)),
            before=order.before,
        )
        outputs = node.run(job, **order.params, **order.artifacts)
        send("done", {name: Path(path) for name, path in outputs.items()})
    except Cancelled:
        send("stopped")
    except BaseException as error:
        traceback.print_exc()
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        send("failed", in_words(error))


def _listen(connection: Connection, cancelled: threading.Event) -> None:
    try:
        while True:
            connection.recv()
            cancelled.set()
    except (EOFError, OSError):
        # The parent is gone and nobody will take the result. What is in the working folder serves the next try.
        os._exit(1)
