"""The wide-and-deep ranker over arrays: `recsys.models.ranking.RankingModel`, split into what a
query brings, what an app brings, and what only both together give."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from recsys.config import Ranking
from recsys.executor.contract import Scores
from recsys.executor.crosses import Cross
from recsys.executor.layers import Embedding, Linear, Perceptron
from recsys.features import spec
from recsys.features.spec import EMBEDDING, Features
from recsys.features.transformed import Arrays
from recsys.index.contract import NO_ROW, Rows, Vectors

WIDE, FIRST = "wide", "first_layer"
"""Names of what an app brings: its weights' sum, and its part of the deep part's first layer."""

_Logits = Callable[[int, Rows], Scores]
"""The logits `[num_rows]` of a query, by its number in the batch, with some apps."""

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
        """See `recsys.executor.contract.Models.score`.

        A query at a time: what one of them needs at once stays in the processor's cache.
        """
        parts = [part.of_queries(encoded) for part in self._parts]
        scores = np.full(rows.shape, -np.inf, dtype=np.float32)
        for number, of_query in enumerate(rows):
            places = np.flatnonzero(of_query != NO_ROW)
            present = of_query[places]
            nothing = np.zeros(len(places), dtype=np.float32)
            sums = sum((logits(number, present) for logits in parts), start=nothing)
            scores[number, places] = sigmoid(sums)
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

    def of_queries(self, encoded: Arrays) -> _Logits:
        linear = self._query(encoded) + self._bias

        def logits(number: int, rows: Rows) -> Scores:
            sums: Scores = self._apps.take(rows)
            sums += linear[number]
            for cross in self._crosses:
                sums += cross(encoded[cross.query][number], rows)
            return sums

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

    def of_queries(self, encoded: Arrays) -> _Logits:
        firsts = self._query_first(self._embedding(encoded))

        def logits(number: int, rows: Rows) -> Scores:
            affinities = self._vectors.take(rows, axis=0) @ encoded[EMBEDDING][number]
            # The query's part and the affinity's at once: [num_rows, 2] @ [2, width].
            pairs = np.stack([np.ones_like(affinities), affinities], axis=1)
            vectors = pairs @ np.stack([firsts[number], self._affinity])
            vectors += self._apps.take(rows, axis=0)
            np.maximum(vectors, self._zeros, out=vectors)
            return self._others(vectors)[:, 0]

        return logits


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
