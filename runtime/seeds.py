"""Where randomness comes from: each node's own seed, derived from the patch's."""

from __future__ import annotations

import hashlib


def node_seed(seed: int, node: str) -> int:
    """A node's own seed, 0 to 2**31 - 1, from the patch's: nodes differ, and adding a node changes no other's."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{node}".encode()).digest()[:4]) >> 1
