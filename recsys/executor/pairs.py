"""Queries with their candidates, one behind the other: no place is kept for what isn't there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recsys.index.contract import Rows


@dataclass(frozen=True)
class Pairs:
    """Each query of a batch with each of its candidates, the queries in order."""

    rows: Rows
    """`[num_pairs]`, the candidates' rows."""
    counts: Rows
    """`[num_queries]`, how many of them each query has."""

    @property
    def most(self) -> int:
        """Candidates of the query that has the most."""
        return int(self.counts.max(initial=0))

    def slices(self, num_values: int = 1) -> Iterator[slice]:
        """Where each query's pairs lie, in an array that has so many values a pair."""
        ends = (np.cumsum(self.counts) * num_values).tolist()
        return map(slice, [0, *ends[:-1]], ends)
