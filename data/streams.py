"""Named random streams from one seed.

Each entity draws from a stream of its own (`rng("apps", 3)`), so that a new kind of entity, or one
more draw of an old one, never reshuffles the others.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """All streams of one seed."""

    seed: int

    def rng(self, *name: str | int) -> np.random.Generator:
        """The stream of that name, from its beginning."""
        digest = hashlib.sha256(json.dumps([self.seed, *name]).encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest)))
