"""Complements: "who has this app installs that one", a fact about two apps that no taste explains.

It is what a ranker's wide part can memorise, and its deep part can not infer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.arrays import Booleans, Floats, Integers
from data.lists import contains

NUM_COMPLEMENTS = 3


@dataclass(frozen=True)
class Complements:
    """The partners of each app of the first day. Later apps have none."""

    partners: Integers
    """`[num_apps + 1, NUM_COMPLEMENTS]` rows of apps; the last row, of no app, holds -1."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, popularity: Floats) -> Complements:
        """Partners from all over the store, popular ones (log weights) more often than not."""
        edges = np.cumsum(np.exp(popularity.astype(np.float64)))
        draws = rng.random((len(popularity), NUM_COMPLEMENTS)) * edges[-1]
        partners = np.searchsorted(edges, draws, side="right").astype(np.int32)
        return cls(np.concatenate([partners, np.full((1, NUM_COMPLEMENTS), -1, np.int32)]))

    def of(self, installed: Integers) -> Integers:
        """What the owners of these apps want: `[n, c]` rows (-1 for none) to `[n, c * 3]`."""
        known = np.minimum(installed, len(self.partners) - 1)
        return self.partners[known].reshape(len(installed), -1)

    def complete(self, installed: Integers, pages: Integers) -> Booleans:
        """Whether each app of a page `[n, k]` is a partner of an installed one `[n, c]`."""
        return contains(self.of(installed), pages)
