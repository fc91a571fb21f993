"""The two-stage request path: query -> candidates -> filters -> ranking -> page.

Evaluation, the A/B simulation and the server all call `Recommender.recommend`; there is no other
path. The models are computed by `recsys.executor`, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import candidates as sources
from recsys import threads
from recsys.bundle import Bundle
from recsys.candidates import Candidates
from recsys.catalogue import Catalogue, Rows
from recsys.executor.contract import Installed, Models, Scores
from recsys.features import spec
from recsys.features.transformed import Arrays
from recsys.filters import Filters
from recsys.index.contract import NO_ROW, Vectors
from recsys.nearest import Nearest, exact
from recsys.popularity import Popularity
from recsys.query import Query
from recsys.shelves import Shelves
from recsys.stages import Observe, observe_nothing, stage

__all__ = ["Item", "Page", "Query", "Recommender"]


class Item(NamedTuple):
    """One place on a page."""

    position: int
    """1 is the top."""
    app_id: str
    score: float
    """The ranker's chance of an install."""
    sources: tuple[str, ...]
    """Which sources proposed it, of `recsys.candidates.SOURCES`."""


@dataclass(frozen=True)
class Page:
    """What is shown, and what was not and why."""

    items: tuple[Item, ...]
    rows: Rows = field(compare=False, repr=False)
    """The items' rows in the bundle's catalogue."""
    num_removed: Mapping[str, int]
    """Candidates removed, by filter: installed, excluded, country, device."""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The query's raw features by name, as the model was given them (`recsys.features.spec`)."""


class Recommender:
    """Answers queries with one bundle; safe to call from several threads."""

    def __init__(
        self,
        bundle: Bundle,
        models: Callable[[Bundle, Catalogue], Models] = Bundle.models,
        observe: Observe = observe_nothing,
    ) -> None:
        """
        Args:
            bundle: what to answer with.
            models: makes the models that answer.
            observe: is told what each stage took.
        """
        threads.hold_blas_to_one_thread()
        self.version = bundle.version
        self.catalogue = bundle.catalogue()
        self.query_features = spec.of_query(bundle.config.features)
        self.popularity = Popularity(bundle.popular(), self.catalogue)
        self._config = bundle.config.recommender
        self.observe = observe
        self._models = models(bundle, self.catalogue)
        self._index = bundle.index()
        self._vectors = np.asarray(bundle.app_features()[spec.EMBEDDING])
        self._shelves = Shelves(self.catalogue)
        self._nearest = Nearest(self._index, self._vectors, self._shelves)
        self._newest = self.catalogue.newest(self._config.num_new)[None, :]

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        """A page for each query; it has k apps whenever k eligible apps exist."""
        if not queries:
            return []
        filters = self._filters(queries)
        raw = self._raw(queries)
        encoded = self._encode(raw, filters.last_installed)
        nearest = self._retrieve(queries, encoded, filters)
        others = self._propose(queries, filters)
        kept, num_removed = self._filter(nearest, others, filters)
        candidates = self._complete(queries, encoded, kept, filters)
        scores = self._rank(encoded, candidates)
        return self._pages(queries, raw, candidates, scores, num_removed)

    def similar(self, app_id: str, k: int) -> list[Item]:
        """The apps nearest to an app, with their cosine as the score.

        Raises:
            KeyError: the app is not in the catalogue.
        """
        row = self.catalogue.row(app_id)
        rows, cosines = self._index.search(self._vectors[row : row + 1], k + 1)
        others = np.flatnonzero((rows[0] != row) & (rows[0] != NO_ROW))[:k]
        return [
            Item(position, other, float(cosine), ("similar",))
            for position, (other, cosine) in enumerate(
                zip(self.catalogue.app_ids(rows[0, others]), cosines[0, others], strict=True), 1
            )
        ]

    def vectors(self, queries: Sequence[Query]) -> Vectors:
        """The queries' unit vectors, `[num_queries, dim]`."""
        vectors: Vectors = self._encode(self._raw(queries))[spec.EMBEDDING]
        return vectors

    def nearest(self, queries: Sequence[Query], count: int) -> Rows:
        """Retrieval alone, before any filter: rows of the apps that the index finds nearest to each
        query, `[num_queries, count]`."""
        return self._index.search(self.vectors(queries), count)[0]

    def score(self, raw: Arrays, app_ids: Sequence[Sequence[str]]) -> Scores:
        """The ranker's scores of given apps, `[num_queries, num_apps]`; minus infinity beyond the
        end of a shorter list.

        Args:
            raw: raw features of the queries, as `Page.raw` has them, `[num_queries, ...]`.
            app_ids: apps for each query, all of them in the catalogue.
        """
        rows = np.full((len(app_ids), max(map(len, app_ids), default=0)), NO_ROW, dtype=np.int64)
        for number, page in enumerate(app_ids):
            rows[number, : len(page)] = [self.catalogue.row(app_id) for app_id in page]
        return self._models.score(self._encode(raw), rows)

    @stage("filter")
    def _filters(self, queries: Sequence[Query]) -> Filters:
        return Filters(self.catalogue, queries)

    @stage("features")
    def _raw(self, queries: Sequence[Query]) -> dict[str, NDArray[Any]]:
        """Raw features of the queries."""
        known = [{**q.features, "time": q.time, spec.HISTORY: q.installed_app_ids} for q in queries]
        return spec.raw_from_values(known, self.query_features)

    @stage("encode")
    def _encode(self, raw: Arrays, installed: Installed | None = None) -> Arrays:
        """Transformed features and unit vectors of the queries."""
        return self._models.encode_query(raw, installed)

    @stage("retrieve")
    def _retrieve(self, queries: Sequence[Query], encoded: Arrays, filters: Filters) -> Candidates:
        """The nearest apps, flagged with what removes them."""
        needed = np.array([q.k for q in queries])
        wanted = np.maximum(self._config.num_retrieved, needed)
        return self._nearest.find(encoded[spec.EMBEDDING], wanted, needed, filters)

    @stage("merge")
    def _propose(self, queries: Sequence[Query], filters: Filters) -> Candidates:
        """Candidates of all other sources; an app may be there several times."""
        popular = self.popularity.batch(filters.countries, self._config.num_popular)
        new = self._newest.repeat(len(queries), axis=0)
        return sources.beside(
            [
                sources.from_source("popular", popular),
                sources.from_source("new", new),
                sources.from_source("similar", self._neighbours(queries)),
            ]
        )

    def _neighbours(self, queries: Sequence[Query]) -> Rows:
        """The apps nearest to each query's seed app, `NO_ROW` where it has none."""
        if not any(q.seed_app for q in queries):
            return np.empty((len(queries), 0), dtype=np.int64)
        rows = np.full((len(queries), self._config.num_similar), NO_ROW, dtype=np.int64)
        seeds = [self.catalogue.rows([q.seed_app] if q.seed_app else []) for q in queries]
        seeded = [number for number, seed in enumerate(seeds) if len(seed)]
        if seeded:
            vectors = self._vectors[np.concatenate([seeds[number] for number in seeded])]
            rows[seeded] = self._index.search(vectors, self._config.num_similar)[0]
        return rows

    @stage("filter")
    def _filter(
        self, nearest: Candidates, others: Candidates, filters: Filters
    ) -> tuple[Candidates, list[dict[str, int]]]:
        """One candidate an app, of those that may be shown."""
        return filters.split(sources.merge([nearest, filters.flag(others)]))

    @stage("merge")
    def _complete(
        self, queries: Sequence[Query], encoded: Arrays, kept: Candidates, filters: Filters
    ) -> Candidates:
        """Where filters left fewer than k, the nearest of all eligible apps join, exactly found."""
        counts = kept.present().sum(axis=1)
        short = [number for number, q in enumerate(queries) if counts[number] < q.k]
        if not short:
            return kept
        width = max(queries[number].k for number in short)
        rows = np.full((len(queries), width), NO_ROW, dtype=np.int64)
        for number in short:
            shelf = self._shelves.of(filters.countries[number], filters.devices[number])
            eligible = np.setdiff1d(shelf.rows(), filters.blocked(number))
            count = min(queries[number].k, len(eligible))
            embedding = encoded[spec.EMBEDDING][number]
            rows[number, :count] = exact(self._vectors, embedding, eligible, count)
        return sources.merge([kept, sources.from_source("catalogue", rows)])

    @stage("rank")
    def _rank(self, encoded: Arrays, candidates: Candidates) -> Scores:
        """The ranker's scores of the candidates, minus infinity where there is none."""
        return self._models.score(encoded, candidates.rows)

    @stage("page")
    def _pages(
        self,
        queries: Sequence[Query],
        raw: Arrays,
        candidates: Candidates,
        scores: Scores,
        num_removed: Sequence[Mapping[str, int]],
    ) -> list[Page]:
        """The best k candidates of each query; of those that score the same, the first rows."""
        num_candidates = candidates.rows.shape[1]
        num_present = np.count_nonzero(candidates.present(), axis=1)
        sizes = np.minimum(num_present, [q.k for q in queries])
        order = _best_first(scores)[:, : sizes.max()]
        order += num_candidates * np.arange(len(queries))[:, None]
        is_shown = np.arange(order.shape[1]) < sizes[:, None]
        places = order[is_shown]
        rows = candidates.rows.take(places)
        items = list(
            map(
                Item,
                (np.nonzero(is_shown)[1] + 1).tolist(),
                self.catalogue.app_ids(rows),
                scores.take(places).tolist(),
                map(sources.names, candidates.sources.take(places).tolist()),
            )
        )
        ends = np.cumsum(sizes).tolist()
        return [
            Page(
                tuple(items[start:end]),
                rows[start:end],
                removed,
                {name: values[number] for name, values in raw.items()},
            )
            for number, (start, end, removed) in enumerate(
                zip([0, *ends], ends, num_removed, strict=False)
            )
        ]


def _best_first(scores: Scores) -> Rows:
    """Each query's places by score, the highest first; of equal scores, the first place.

    A chance's bits, read as an integer, order as it does, and minus infinity's are below all. With
    its place they are one number, and to sort numbers is four times as fast as to sort places.
    """
    keys = -scores.view(np.int32).astype(np.int64) << 32
    keys |= np.arange(scores.shape[1])
    keys.sort(axis=1)
    return keys & 0xFFFF_FFFF
