"""The models of a bundle, as a server runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.config import Config
from recsys.executor.contract import Installed, Scores
from recsys.executor.layers import Embedding, Perceptron, Tower
from recsys.executor.ranker import Ranker, within
from recsys.executor.transform import QueryTransform
from recsys.features import spec
from recsys.features.spec import EMBEDDING
from recsys.features.transformed import Arrays, load_arrays
from recsys.index.contract import Rows

TRANSFORM, WEIGHTS, APPS = "transform", "weights", "apps"


class Executor:
    """`recsys.executor.contract.Models` over memory-mapped arrays: processes share one copy."""

    def __init__(self, transform: QueryTransform, tower: Tower, ranker: Ranker) -> None:
        self.transform = transform
        self.tower = tower
        self._ranker = ranker

    @staticmethod
    def load(folder: Path, config: Config, catalogue: Catalogue, app_features: Arrays) -> Executor:
        """Maps what `recsys.models.folding.fold` wrote.

        Args:
            folder: where it lies.
            config: the bundle's.
            catalogue: the bundle's apps.
            app_features: their transformed features and unit vectors, a row an app.
        """
        vectors = np.asarray(app_features[EMBEDDING])
        weights, apps = _arrays(folder / WEIGHTS), _arrays(folder / APPS)
        of_tower = within(weights, "query_tower.")
        used = spec.of_query(spec.used_by(config.features, "retrieval"))
        hidden = [f"hidden_{number}" for number in range(len(config.retrieval.hidden_units))]
        return Executor(
            QueryTransform(folder / TRANSFORM, config.features, catalogue, app_features),
            Tower(
                Embedding(used, within(of_tower, "embedding.")),
                Perceptron(of_tower, [*hidden, "output"]),
            ),
            Ranker(config.features, config.ranking, weights, apps, vectors),
        )

    def encode_query(
        self, raw: Arrays, installed: Installed | None = None
    ) -> dict[str, NDArray[Any]]:
        """See `Models.encode_query`."""
        transformed = self.transform(raw, installed)
        return {**transformed, EMBEDDING: self.tower(transformed)}

    def score(self, encoded: Arrays, rows: Rows) -> Scores:
        """See `Models.score`."""
        return self._ranker.score(encoded, rows)


def _arrays(folder: Path) -> dict[str, NDArray[Any]]:
    # Seen as plain arrays, which are the same memory: NumPy's own class for maps is slow to use.
    return {name: np.asarray(values) for name, values in load_arrays(folder).items()}
