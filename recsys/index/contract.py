"""What every index promises, whatever finds the neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
NO_ROW = -1
"""Stands where an index found fewer neighbours than were asked for."""


@dataclass(frozen=True)
class Subset:
    """Some rows of a matrix, a bit a row."""

    bits: NDArray[np.uint8]
    """`[num_rows / 8]`, rounded up; a byte's lowest bit is its first row."""
    count: int
    """How many rows it has."""
    num_rows: int
    """How many rows the matrix has."""

    @staticmethod
    def of(flags: NDArray[np.bool_]) -> Subset:
        """The rows that are flagged."""
        return Subset(np.packbits(flags, bitorder="little"), int(flags.sum()), len(flags))

    def rows(self) -> Rows:
        """The rows, in order."""
        return np.flatnonzero(np.unpackbits(self.bits, count=self.num_rows, bitorder="little"))


class Index(Protocol):
    """Nearest neighbours by inner product among the rows of a matrix.

    A row is found at most once; a query's result doesn't depend on the other queries of its batch;
    inputs are left untouched; `load(save(...))` answers the same.
    """

    @classmethod
    def build(cls, vectors: Vectors) -> Self:
        """Indexes `[num_rows, dim]` vectors."""

    def search(self, queries: Vectors, k: int, among: Subset | None = None) -> tuple[Rows, Vectors]:
        """The nearest rows of `[num_queries, dim]` queries and their inner products, best first;
        of all rows, or of some.

        Both are `[num_queries, k]`, also where k exceeds the index: a row is `NO_ROW` and its
        product minus infinity where there is no further neighbour.
        """

    def save(self, path: Path) -> None:
        """Writes the index into one file."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
