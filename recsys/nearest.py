"""The apps nearest to queries, of those that the queries may be shown.

Most shelves hold most apps: the index is asked for somewhat more than are wanted, all queries at
once. Where too few of those stay, and on shelves that hold less than half of the catalogue, it
searches that shelf alone. Where a shelf holds few apps, all of them are compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys.candidates import Candidates, from_source
from recsys.catalogue import Rows
from recsys.filters import Filters
from recsys.index.contract import NO_ROW, Index, Vectors
from recsys.shelves import Shelf, Shelves

_SPARE = 0.5
"""Of the apps that are wanted, how many more are asked for at first, at most, since a query's own
lists remove some: of a thousand excluded apps few are near."""
_ENOUGH = 0.9
"""Of the apps that are wanted: fewer, and the shelf itself is searched."""


class Nearest:
    """Looks for the nearest apps that may be shown."""

    def __init__(self, index: Index, vectors: Vectors, shelves: Shelves) -> None:
        """
        Args:
            index: of the apps' unit vectors.
            vectors: the same vectors, `[num_apps, dim]`.
            shelves: of the same apps.
        """
        self._index = index
        self._vectors = vectors
        self._shelves = shelves

    def find(
        self, embeddings: Vectors, num_wanted: Rows, num_needed: Rows, filters: Filters
    ) -> Candidates:
        """The nearest apps, flagged with what removes them, `[num_queries, depth]`.

        Of each query stay `num_wanted`, or nearly, and at least `num_needed`, where the index finds
        as many; a query's candidates don't depend on the others of its batch.

        Args:
            embeddings: the queries' unit vectors, `[num_queries, dim]`.
            num_wanted: `[num_queries]`.
            num_needed: `[num_queries]`, no more than are wanted.
            filters: of the queries.
        """
        places = zip(filters.countries, filters.devices, strict=True)
        shelves = [self._shelves.of(country, device) for country, device in places]
        is_loose = np.array([shelf.is_loose for shelf in shelves])
        rows = self._over_all(embeddings, num_wanted, filters.num_blocked, shelves, is_loose)
        found = filters.flag(from_source("retrieval", rows))
        enough = np.maximum(num_needed, np.ceil(_ENOUGH * num_wanted))
        is_short = np.count_nonzero(found.stays(), axis=1) < enough
        if is_short.any():
            depths = num_wanted + filters.num_blocked
            again = self._on_shelves(embeddings, depths, shelves, np.flatnonzero(is_short))
            width = max(rows.shape[1], again.shape[1])
            rows = np.where(is_short[:, None], _widened(again, width), _widened(rows, width))
            found = filters.flag(from_source("retrieval", rows))
        return found.first(num_wanted)

    def _over_all(
        self,
        embeddings: Vectors,
        num_wanted: Rows,
        num_blocked: Rows,
        shelves: Sequence[Shelf],
        is_loose: Rows,
    ) -> Rows:
        """The nearest of all apps, with some more than are wanted; none for narrow shelves."""
        shares = np.array([shelf.share for shelf in shelves])
        spare = np.minimum(num_blocked, np.ceil(_SPARE * num_wanted))
        asked = np.ceil((num_wanted + spare) / np.where(is_loose, shares, 1)).astype(np.int64)
        depths = np.where(is_loose, np.minimum(asked, len(self._vectors)), 0)
        if is_loose.all():
            rows, _ = self._index.search(embeddings, int(depths.max()))
        else:
            rows = np.full((len(shelves), int(depths.max())), NO_ROW, dtype=np.int64)
            rows[is_loose], _ = self._index.search(embeddings[is_loose], rows.shape[1])
        # A query's page must not depend on how deep others of its batch have to look.
        rows[np.arange(rows.shape[1]) >= depths[:, None]] = NO_ROW
        return rows

    def _on_shelves(
        self, embeddings: Vectors, depths: Rows, shelves: Sequence[Shelf], numbers: Rows
    ) -> Rows:
        """The nearest apps of the shelves of the queries of those numbers; none for the others."""
        found = {}
        for number in numbers.tolist():
            shelf, depth = shelves[number], min(int(depths[number]), shelves[number].apps.count)
            one = embeddings[number]
            if shelf.few is not None:
                found[number] = exact(self._vectors, one, shelf.few, depth)
            else:
                found[number] = self._index.search(one[None], depth, shelf.apps)[0][0]
        rows = np.full((len(shelves), max(map(len, found.values()))), NO_ROW, dtype=np.int64)
        for number, some in found.items():
            rows[number, : len(some)] = some
        return rows


def exact(vectors: Vectors, embedding: Vectors, rows: Rows, count: int) -> Rows:
    """The nearest `count` of some rows, the best first; of equal ones, the first.

    Args:
        vectors: `[num_apps, dim]`.
        embedding: the query's, `[dim]`.
        rows: which of the apps, in order.
        count: no more than there are.
    """
    products = vectors.take(rows, axis=0) @ embedding
    if count < len(rows):
        best = np.sort(np.argpartition(-products, count)[:count])
        rows, products = rows[best], products[best]
    nearest: Rows = rows[np.argsort(-products, kind="stable")]
    return nearest


def _widened(rows: Rows, width: int) -> Rows:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=NO_ROW)
