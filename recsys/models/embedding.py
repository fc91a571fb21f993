"""Transformed features side by side as one vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from recsys.features.spec import Features
from recsys.features.transform import FittedTransform
from recsys.models import rows


class FeatureEmbedding(tf.keras.layers.Layer):  # type: ignore[misc]
    """Embeds categories, averages lists of them, takes numbers as they are, and concatenates.

    A missing value (index 0) is embedded as zeros, so an empty history adds nothing.
    """

    def __init__(
        self,
        fitted: FittedTransform,
        features: Features,
        widths: Mapping[str, int],
        **options: Any,
    ) -> None:
        """`widths` overrides the embedding width of some features."""
        super().__init__(**options)
        self._fitted = fitted
        self._kinds = {name: feature.kind for name, feature in features.items()}
        self._sizes = {
            name: (fitted.size(name), widths.get(name, feature.embedding_dim))
            for name, feature in features.items()
            if feature.kind != "number"
        }
        self._tables: dict[str, tf.Variable] = {}

    def build(self, input_shape: Any) -> None:
        """Makes one table a feature."""
        for name, (size, width) in self._sizes.items():
            self._tables[name] = self.add_weight(
                name=name,
                shape=(size, width),
                initializer=tf.keras.initializers.RandomNormal(stddev=0.05),
            )
        super().build(input_shape)

    def layout(self) -> dict[str, rows.Rows]:
        """What the rows of each table stand for, by the table's name."""
        return {
            rows.name_of(table): rows.of_feature(self._fitted, name)
            for name, table in self._tables.items()
        }

    def blocks(self) -> list[rows.Block]:
        """The parts of the vectors, in order."""
        widths = {name: width for name, (_, width) in self._sizes.items()}
        return [rows.block_of(self._fitted, name, widths.get(name, 1)) for name in self._kinds]

    def call(self, transformed: Mapping[str, Any]) -> Any:
        """Transformed features `[...]` or `[..., max_length]` to vectors `[..., width]`."""
        parts = [self._embed(name, transformed[name]) for name in self._kinds]
        return tf.concat(parts, axis=-1)

    def _embed(self, name: str, values: Any) -> Any:
        if self._kinds[name] == "number":
            return values[..., None]
        if self._kinds[name] == "categories":
            return _mean(self._tables[name], values)
        known = tf.cast(values != 0, tf.float32)
        return tf.gather(self._tables[name], values) * known[..., None]


def _mean(table: Any, lists: Any) -> Any:
    """The mean of the rows that each list names, `[..., max_length]` to `[..., width]`.

    Only what is not padding is gathered, and summed as it is: lists are long, and three quarters of
    them may be padding.
    """
    shape = tf.shape(lists)
    flat = tf.reshape(lists, (-1, shape[-1]))
    places = tf.where(flat != 0)
    means = tf.sparse.segment_mean(
        table, tf.gather_nd(flat, places), places[:, 0], num_segments=tf.shape(flat)[0]
    )
    return tf.reshape(means, tf.concat([shape[:-1], [table.shape[-1]]], axis=0))
