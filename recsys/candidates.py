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

_REASON_SHIFT = np.uint8(len(SOURCES))
_FLAG_BITS = 8
_ALL_FLAGS = (1 << _FLAG_BITS) - 1
_NAMES = [
    tuple(name for bit, name in enumerate(SOURCES) if sources >> bit & 1)
    for sources in range(1 << len(SOURCES))
]


Flags = NDArray[np.uint8]


@dataclass(frozen=True)
class Candidates:
    """Apps for each query of a batch."""

    rows: Rows
    """`[num_queries, num_candidates]`, `NO_ROW` where there is none."""
    sources: Flags
    """The same shape: bit `i` is set where `SOURCES[i]` proposed the app. While candidates are
    filtered, the bits above say what removes it."""

    def present(self) -> Mask:
        """Where there is a candidate."""
        present: Mask = self.rows != NO_ROW
        return present

    def removed_by(self, reasons: Flags) -> Candidates:
        """The same with what removes each: 1 to 7, 0 where it stays."""
        flags: Flags = self.sources | reasons << _REASON_SHIFT
        return Candidates(self.rows, flags)

    def reasons(self) -> Flags:
        """What removes each; 0 where it stays."""
        reasons: Flags = self.sources >> _REASON_SHIFT
        return reasons

    def kept(self) -> Candidates:
        """Those that stay."""
        return Candidates(np.where(self.reasons(), NO_ROW, self.rows), self.sources)

    def stays(self) -> Mask:
        """Where there is one that nothing removes."""
        stays: Mask = self.present() & (self.reasons() == 0)
        return stays

    def first(self, counts: Rows) -> Candidates:
        """Of each query's candidates the first so many that stay, and what was removed among
        them."""
        stays = self.stays()
        is_behind = stays.cumsum(axis=1) - stays >= counts[:, None]
        return Candidates(np.where(is_behind, NO_ROW, self.rows), self.sources)


def from_source(source: str, rows: Rows) -> Candidates:
    """All rows as candidates of one source."""
    bit = np.uint8(1 << SOURCES.index(source))
    return Candidates(rows, np.full(rows.shape, bit, dtype=np.uint8))


def beside(proposals: Sequence[Candidates]) -> Candidates:
    """All candidates, those of each proposal in its order; one may be there several times."""
    return Candidates(
        np.concatenate([proposal.rows for proposal in proposals], axis=1),
        np.concatenate([proposal.sources for proposal in proposals], axis=1),
    )


def merge(proposals: Sequence[Candidates]) -> Candidates:
    """One candidate an app, in the order of their rows, with the sources of all who proposed it."""
    every = beside(proposals)
    # Row and flags as one number: to sort by one and carry the other along takes longer.
    joint = every.rows << _FLAG_BITS | every.sources
    joint.sort(axis=1)
    rows = joint >> _FLAG_BITS
    # Equal rows are neighbours now: each run's sources are joined at its first place.
    first = np.ones(rows.shape, dtype=np.bool_)
    np.not_equal(rows[:, 1:], rows[:, :-1], out=first[:, 1:])
    sources = (joint & _ALL_FLAGS).astype(np.uint8)
    starts = np.flatnonzero(first)
    if len(starts):
        joined = np.bitwise_or.reduceat(sources.ravel(), starts)
        sources.ravel()[starts] = joined
    return Candidates(np.where(first, rows, NO_ROW), sources)


def names(sources: int) -> tuple[str, ...]:
    """The names of a bit field's sources."""
    return _NAMES[sources]
