"""The wide-and-deep ranker over arrays: `recsys.models.ranking.RankingModel`, split into what a
query brings, what an app brings, and what only both together give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recsys.config import Ranking
from recsys.executor.contract import Scores
from recsys.executor.crosses import Cross
from recsys.executor.layers import Embedding, Linear, Perceptron
from recsys.executor.pairs import Pairs
from recsys.features import spec
from recsys.features.spec import EMBEDDING, Features
from recsys.features.transformed import Arrays
from recsys.index.contract import NO_ROW, Rows, Vectors

WIDE, FIRST = "wide", "first_layer"
"""Names of what an app brings: its weights' sum, and its part of the deep part's first layer."""

_LARGEST_EXPONENT = np.float32(88)


class Ranker:
    """The chance that an app shown to a query is installed."""

    def __init__(
        self, features: Features, config: Ranking, weights: Arrays, apps: Arrays, vectors: Vectors
    ) -> None:
        """
        Args:
            features: those of both sides.
            config: the ranker's.
            weights: as `recsys.models.folding` names them.
            apps: what each app brings, a row an app.
            vectors: the apps' unit vectors, `[num_apps, dim]`.
        """
        self._parts: list[_Wide | _Deep] = []
        if config.kind != "deep":
            self._parts.append(_Wide(features, config, weights, apps))
        if config.kind != "linear":
            self._parts.append(_Deep(features, config, weights, apps[FIRST], vectors))

    def score(self, encoded: Arrays, rows: Rows) -> Scores:
        """See `recsys.executor.contract.Models.score`."""
        present = rows != NO_ROW
        pairs = Pairs(rows[present], np.count_nonzero(present, axis=1))
        logits = np.zeros(len(pairs.rows), dtype=np.float32)
        for part in self._parts:
            logits += part(encoded, pairs)
        scores = np.full(rows.shape, -np.inf, dtype=np.float32)
        scores[present] = sigmoid(logits)
        return scores


class _Wide:
    """Weights of indices, numbers and crosses."""

    def __init__(self, features: Features, config: Ranking, weights: Arrays, apps: Arrays) -> None:
        used = spec.of_query(spec.used_by(features, "wide"))
        self._query = Linear(used, within(weights, "ranking.wide.query."))
        self._bias = weights["ranking.wide.bias"]
        self._apps = apps[WIDE]
        self._crosses = [
            Cross(
                cross.query,
                weights[f"ranking.wide.{cross.name}.weights"],
                weights[f"ranking.wide.{cross.name}.fingerprints"],
                apps[cross.name],
            )
            for cross in config.crosses
        ]

    def __call__(self, encoded: Arrays, pairs: Pairs) -> Scores:
        linear = self._query(encoded) + self._bias
        logits: Scores = self._apps.take(pairs.rows)
        logits += linear.repeat(pairs.counts)
        for cross in self._crosses:
            logits += cross(encoded[cross.query], pairs)
        return logits


class _Deep:
    """A multilayer perceptron; its first layer is a query's part, an app's, and that of the product
    of both unit vectors."""

    def __init__(
        self, features: Features, config: Ranking, weights: Arrays, apps: Vectors, vectors: Vectors
    ) -> None:
        used = spec.of_query(spec.used_by(features, "deep"))
        deep = within(weights, "ranking.deep.")
        self._embedding = Embedding(used, within(deep, "query_embedding."))
        self._query_first = Perceptron(deep, ["query_first"])
        self._affinity = deep["affinity"]
        self._zeros = np.zeros_like(self._affinity)
        hidden = [f"hidden_{number}" for number in range(1, len(config.hidden_units))]
        self._others = Perceptron(deep, [*hidden, "output"])
        self._apps = apps
        self._vectors = vectors

    def __call__(self, encoded: Arrays, pairs: Pairs) -> Scores:
        """A query at a time: what one of them needs at once stays in the processor's cache."""
        logits = np.empty((len(pairs.rows), 1), dtype=np.float32)
        # The query's part of the first layer and the affinity's: [num_queries, 2, width].
        firsts = np.empty((len(pairs.counts), 2, len(self._affinity)), dtype=np.float32)
        firsts[:, 0], firsts[:, 1] = self._query_first(self._embedding(encoded)), self._affinity
        room = _Room.of(pairs.most, self._vectors.shape[1], len(self._affinity))
        layers = self._others.room(pairs.most)
        for number, some in enumerate(pairs.slices()):
            first = self._first(pairs.rows[some], encoded[EMBEDDING][number], firsts[number], room)
            self._others(first, layers, out=logits[some])
        return logits[:, 0]

    def _first(self, rows: Rows, embedding: Vectors, of_query: Vectors, room: _Room) -> Vectors:
        """The first layer of a query's candidates, `[num_rows, width]`."""
        vectors, affinities, ours, first = room.of_rows(len(rows))
        # No row is outside; NumPy would copy once more for those that might be.
        self._vectors.take(rows, axis=0, out=vectors, mode="clip")
        np.matmul(vectors, embedding, out=affinities[1])
        # Both parts at once: [num_rows, 2] @ [2, width].
        np.matmul(affinities.T, of_query, out=ours)
        self._apps.take(rows, axis=0, out=first, mode="clip")
        first += ours
        return np.maximum(first, self._zeros, out=first)


@dataclass(frozen=True)
class _Room:
    """Memory that the queries of a batch use one after the other."""

    vectors: Vectors
    affinities: Vectors
    """Ones, and under them the products of unit vectors."""
    ours: Vectors
    first: Vectors

    @staticmethod
    def of(num_rows: int, dim: int, width: int) -> _Room:
        return _Room(
            np.empty((num_rows, dim), dtype=np.float32),
            np.ones((2, num_rows), dtype=np.float32),
            np.empty((num_rows, width), dtype=np.float32),
            np.empty((num_rows, width), dtype=np.float32),
        )

    def of_rows(self, count: int) -> tuple[Vectors, Vectors, Vectors, Vectors]:
        return (
            self.vectors[:count],
            self.affinities[:, :count],
            self.ours[:count],
            self.first[:count],
        )


def sigmoid(logits: Scores) -> Scores:
    """Logits to chances."""
    one = np.float32(1)
    return one / (one + np.exp(np.minimum(-logits, _LARGEST_EXPONENT)))


def within(weights: Arrays, prefix: str) -> Mapping[str, Vectors]:
    """The weights whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(prefix): values
        for name, values in weights.items()
        if name.startswith(prefix)
    }
