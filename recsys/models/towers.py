"""The two towers of retrieval: a query and a candidate, each as a unit vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from recsys.config import Retrieval
from recsys.features import spec
from recsys.features.transform import FittedTransform
from recsys.models import rows
from recsys.models.embedding import FeatureEmbedding

_APP_ID_COLUMNS = ("app_id", spec.HISTORY)


class Tower(tf.keras.Model):  # type: ignore[misc]
    """Embedded features through a multilayer perceptron to a unit vector.

    The unit length, with a temperature in the loss, is that of Yi et al. (RecSys 2019), section 5.
    """

    def __init__(
        self, fitted: FittedTransform, features: spec.Features, config: Retrieval, name: str
    ) -> None:
        """`features` are those of the tower's side."""
        super().__init__(name=name)
        used = spec.used_by(features, "retrieval")
        widths = {
            name: config.id_embedding_dim
            for name, feature in used.items()
            if spec.column_of(name, feature) in _APP_ID_COLUMNS
        }
        self._embedding = FeatureEmbedding(fitted, used, widths, name="embedding")
        self._hidden = [
            tf.keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")
            for number, units in enumerate(config.hidden_units)
        ]
        self._output = tf.keras.layers.Dense(config.embedding_dim, name="output")

    def layout(self) -> dict[str, rows.Rows]:
        """What the rows of each table and kernel stand for, by name."""
        layers = [*self._hidden, self._output]
        return {**self._embedding.layout(), **rows.of_layers(self._embedding.blocks(), layers)}

    def call(self, transformed: Mapping[str, Any]) -> Any:
        """Transformed features of a batch to unit vectors `[batch_size, embedding_dim]`."""
        vectors = self._embedding(transformed)
        for layer in self._hidden:
            vectors = layer(vectors)
        return tf.math.l2_normalize(self._output(vectors), axis=-1)


class QueryTower(Tower):
    """Who asks, from where, and what they have installed."""

    def __init__(self, fitted: FittedTransform, config: Retrieval) -> None:
        super().__init__(fitted, spec.of_query(fitted.features), config, "query_tower")


class CandidateTower(Tower):
    """An app by its id and by its content, so that one without a history has a place too."""

    def __init__(self, fitted: FittedTransform, config: Retrieval) -> None:
        super().__init__(fitted, spec.of_candidate(fitted.features), config, "candidate_tower")
