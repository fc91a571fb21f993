"""Pages for when a stage of the request path is late or fails: the order of retrieval where it is
the ranker, what is popular in the country where it is the index or the query's model.

They obey the same filters as any page and are as full. Their apps are not scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recsys.candidates import from_source
from recsys.catalogue import Mask, Rows
from recsys.filters import Filters
from recsys.index.contract import NO_ROW
from recsys.query import Query
from recsys.recommender import Item, Page, Recommender

UNSCORED = float("nan")
"""The score of an app that no ranker saw."""

_SPARE = 100
"""Apps looked at beyond those wanted and those on lists: countries and devices remove some."""


class SteadyRecommender(Recommender):
    """A recommender that has further ways to a page, each of which needs less than the one before:
    `recommend`, `retrieval_order`, `popular`."""

    def retrieval_order(self, queries: Sequence[Query]) -> list[Page]:
        """A page for each query in the order in which the index finds the apps; no ranker."""
        filters = Filters(self.catalogue, queries)
        depths = self._depths(queries, filters)
        nearest = self.nearest(queries, int(depths.max()))
        return self._in_order("retrieval", nearest, depths, queries, filters)

    def popular(self, queries: Sequence[Query]) -> list[Page]:
        """A page for each query of what is installed most in its country; no model, no index."""
        filters = Filters(self.catalogue, queries)
        depths = self._depths(queries, filters)
        top = self.popularity.batch(filters.countries, int(depths.max()))
        return self._in_order("popular", top, depths, queries, filters)

    def _depths(self, queries: Sequence[Query], filters: Filters) -> Rows:
        wanted = np.array([query.k for query in queries]) + filters.num_blocked + _SPARE
        depths: Rows = np.minimum(wanted, len(self.catalogue))
        return depths

    def _in_order(
        self, source: str, rows: Rows, depths: Rows, queries: Sequence[Query], filters: Filters
    ) -> list[Page]:
        # A query's page must not depend on how deep others of its batch have to look.
        rows = np.where(np.arange(rows.shape[1]) < depths[:, None], rows, NO_ROW)
        kept, removed = filters.apply(from_source(source, rows))
        pages = []
        for number, query in enumerate(queries):
            stays = kept.rows[number][kept.present()[number]][: query.k]
            shown = dict.fromkeys(stays.tolist(), source)
            if len(shown) < query.k:
                shown = self._completed(shown, query, filters.eligible(number))
            pages.append(self._unscored(shown, removed[number]))
        return pages

    def _completed(self, shown: Mapping[int, str], query: Query, may: Mask) -> dict[int, str]:
        """The same rows with their sources, then the most popular of all that may be shown, then
        the rest of the catalogue, until there are k."""
        everywhere = self.popularity.everywhere
        completed = dict(shown)
        for source, rows in (
            ("popular", everywhere[may[everywhere]]),
            ("catalogue", np.flatnonzero(may)),
        ):
            for row in rows[: len(shown) + query.k].tolist():
                completed.setdefault(row, source)
        return dict(list(completed.items())[: query.k])

    def _unscored(self, shown: Mapping[int, str], removed: Mapping[str, int]) -> Page:
        rows = np.fromiter(shown, np.int64, len(shown))
        items = tuple(
            Item(position, app_id, UNSCORED, (source,))
            for position, (app_id, source) in enumerate(
                zip(self.catalogue.app_ids(rows), shown.values(), strict=True), 1
            )
        )
        return Page(items, rows, removed)
