"""The two-stage request path: query -> candidates -> filters -> ranking -> page.

Evaluation, the A/B simulation and the server all call `Recommender.recommend`; there is no other
path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys import candidates as sources
from recsys.bundle import Bundle
from recsys.candidates import Candidates
from recsys.catalogue import Rows
from recsys.features import spec
from recsys.features.transformed import Arrays
from recsys.filters import Filters
from recsys.index.contract import NO_ROW, Vectors
from recsys.popularity import Popularity
from recsys.query import Query

__all__ = ["Item", "Page", "Query", "Recommender"]


@dataclass(frozen=True)
class Item:
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
    num_removed: Mapping[str, int]
    """Candidates removed, by filter: installed, excluded, country, device."""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The query's raw features by name, as the model was given them (`recsys.features.spec`)."""


class Recommender:
    """Answers queries with one bundle; safe to call from several threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.version = bundle.version
        self.catalogue = bundle.catalogue()
        self.query_features = spec.of_query(bundle.config.features)
        self.popularity = Popularity(bundle.popular(), self.catalogue)
        self._config = bundle.config.recommender
        self._model = bundle.model()
        self._index = bundle.index()
        self._app_features = bundle.app_features()
        self._vectors = self._app_features[spec.EMBEDDING]
        self._newest = self.catalogue.newest(self._config.num_new)

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        """A page for each query; it has k apps whenever k eligible apps exist."""
        if not queries:
            return []
        filters = Filters(self.catalogue, queries)
        raw = self._raw(queries)
        encoded = self._encode(raw)
        proposed = self._propose(queries, encoded, filters)
        kept, num_removed = filters.apply(proposed)
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

    def score(self, raw: Arrays, app_ids: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """The ranker's scores of given apps, `[num_queries, num_apps]`; minus infinity beyond the
        end of a shorter list.

        Args:
            raw: raw features of the queries, as `Page.raw` has them, `[num_queries, ...]`.
            app_ids: apps for each query, all of them in the catalogue.
        """
        rows = np.full((len(app_ids), max(map(len, app_ids), default=0)), NO_ROW, dtype=np.int64)
        for number, page in enumerate(app_ids):
            rows[number, : len(page)] = [self.catalogue.row(app_id) for app_id in page]
        return self._rank(self._encode(raw), sources.from_source("catalogue", rows))

    def _raw(self, queries: Sequence[Query]) -> dict[str, NDArray[Any]]:
        """Raw features of the queries."""
        known = [{**q.features, "time": q.time, spec.HISTORY: q.installed_app_ids} for q in queries]
        return spec.raw_from_values(known, self.query_features)

    def _encode(self, raw: Arrays) -> dict[str, NDArray[Any]]:
        """Transformed features and unit vectors of the queries."""
        return {name: value.numpy() for name, value in self._model.encode_query(raw).items()}

    def _propose(self, queries: Sequence[Query], encoded: Arrays, filters: Filters) -> Candidates:
        """Candidates of all sources, with room for what the queries' own lists will remove."""
        wanted = np.maximum(self._config.num_retrieved, [q.k for q in queries])
        depths = np.minimum(wanted + filters.num_blocked, len(self.catalogue))
        nearest, _ = self._index.search(encoded[spec.EMBEDDING], int(depths.max()))
        # A query's page must not depend on how deep others of its batch have to look.
        nearest[np.arange(nearest.shape[1]) >= depths[:, None]] = NO_ROW
        popular = self.popularity.batch(filters.countries, self._config.num_popular)
        new = np.tile(self._newest, (len(queries), 1))
        return sources.merge(
            [
                sources.from_source("retrieval", nearest),
                sources.from_source("popular", popular),
                sources.from_source("new", new),
                sources.from_source("similar", self._neighbours(queries)),
            ]
        )

    def _neighbours(self, queries: Sequence[Query]) -> Rows:
        """The apps nearest to each query's seed app, `NO_ROW` where it has none."""
        rows = np.full((len(queries), self._config.num_similar), NO_ROW, dtype=np.int64)
        seeds = [self.catalogue.rows([q.seed_app] if q.seed_app else []) for q in queries]
        seeded = [number for number, seed in enumerate(seeds) if len(seed)]
        if seeded:
            vectors = self._vectors[np.concatenate([seeds[number] for number in seeded])]
            rows[seeded] = self._index.search(vectors, self._config.num_similar)[0]
        return rows

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
            eligible = np.flatnonzero(filters.eligible(number))
            products = self._vectors[eligible] @ encoded[spec.EMBEDDING][number]
            best = np.argsort(-products, kind="stable")[: queries[number].k]
            rows[number, : len(best)] = eligible[best]
        return sources.merge([kept, sources.from_source("catalogue", rows)])

    def _rank(self, encoded: Arrays, candidates: Candidates) -> NDArray[np.float32]:
        """The ranker's scores, `[num_queries, num_candidates]`; minus infinity where there is no
        candidate."""
        rows = np.where(candidates.present(), candidates.rows, 0)
        features = {name: values[rows] for name, values in self._app_features.items()}
        scores = self._model.score(encoded, features).numpy()
        return np.where(candidates.present(), scores, -np.inf)

    def _pages(
        self,
        queries: Sequence[Query],
        raw: Arrays,
        candidates: Candidates,
        scores: NDArray[np.float32],
        num_removed: Sequence[Mapping[str, int]],
    ) -> list[Page]:
        order = np.argsort(-scores, axis=1, kind="stable")
        sizes = np.minimum(candidates.present().sum(axis=1), [q.k for q in queries])
        return [
            Page(
                self._items(number, order[number, :size], candidates, scores),
                removed,
                {name: values[number] for name, values in raw.items()},
            )
            for number, (size, removed) in enumerate(zip(sizes, num_removed, strict=True))
        ]

    def _items(
        self, number: int, places: Rows, candidates: Candidates, scores: NDArray[np.float32]
    ) -> tuple[Item, ...]:
        app_ids = self.catalogue.app_ids(candidates.rows[number, places])
        scored = zip(
            app_ids,
            scores[number, places].tolist(),
            candidates.sources[number, places].tolist(),
            strict=True,
        )
        return tuple(
            Item(position, app_id, score, sources.names(bits))
            for position, (app_id, score, bits) in enumerate(scored, 1)
        )
