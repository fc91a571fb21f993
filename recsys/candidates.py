"""Candidates of a batch of queries, where they came from, and what removes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Mask, Rows
from recsys.index.contract import NO_ROW

SOURCES = ("retrieval", "popular", "new", "similar", "catalogue")
"""Who may propose an app; a candidate's sources are a bit field in this order."""

_SOURCE_BITS = 8
_ALL_SOURCES = (1 << _SOURCE_BITS) - 1
_NAMES = [
    tuple(name for bit, name in enumerate(SOURCES) if sources >> bit & 1)
    for sources in range(1 << len(SOURCES))
]


@dataclass(frozen=True)
class Candidates:
    """Distinct apps for each query of a batch."""

    rows: Rows
    """`[num_queries, num_candidates]`, `NO_ROW` where there is none."""
    sources: NDArray[np.uint8]
    """The same shape: bit `i` is set where `SOURCES[i]` proposed the app."""

    def present(self) -> Mask:
        """Where there is a candidate."""
        present: Mask = self.rows != NO_ROW
        return present

    def without(self, removed: Mask) -> Candidates:
        """The candidates that are not flagged."""
        return Candidates(np.where(removed, NO_ROW, self.rows), self.sources)


def from_source(source: str, rows: Rows) -> Candidates:
    """All rows as candidates of one source."""
    bit = np.uint8(1 << SOURCES.index(source))
    return Candidates(rows, np.full(rows.shape, bit, dtype=np.uint8))


def merge(proposals: Sequence[Candidates]) -> Candidates:
    """One candidate an app, in the order of their rows, with the sources of all who proposed it."""
    rows = np.concatenate([proposal.rows for proposal in proposals], axis=1)
    sources = np.concatenate([proposal.sources for proposal in proposals], axis=1)
    # Row and source as one number: to sort by one and carry the other along takes longer.
    joint = rows << _SOURCE_BITS | sources
    joint.sort(axis=1)
    rows = joint >> _SOURCE_BITS
    # Equal rows are neighbours now: each run's sources are joined at its first place.
    first = np.ones(rows.shape, dtype=np.bool_)
    np.not_equal(rows[:, 1:], rows[:, :-1], out=first[:, 1:])
    sources = (joint & _ALL_SOURCES).astype(np.uint8)
    starts = np.flatnonzero(first)
    if len(starts):
        joined = np.bitwise_or.reduceat(sources.ravel(), starts)
        sources.ravel()[starts] = joined
    return Candidates(np.where(first, rows, NO_ROW), sources)


def names(sources: int) -> tuple[str, ...]:
    """The names of a bit field's sources."""
    return _NAMES[sources]
