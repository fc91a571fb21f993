"""Raw features to model inputs: fitted by the table engine, applied as TensorFlow ops that are
saved inside the model, so that training and serving can't differ.

Wide & Deep (2016), section 4.1: vocabularies map strings seen a minimum number of times to
integers; numbers are mapped to their quantile CDF, (i - 1) / (n_q - 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import tensorflow as tf

from recsys.config import Feature
from recsys.errors import BadInput
from recsys.features import spec
from recsys.features.fitted import SECONDS_PER_DAY, has_vocabulary, vocabulary_file
from recsys.features.fitted import FittedTransform as FittedTransform
from recsys.features.spec import Features

Tensors = Mapping[str, Any]


def fit(queries: ibis.Table, examples: ibis.Table, features: Features) -> FittedTransform:
    """Learns vocabularies and quantiles from a window of queries and examples.

    Raises:
        BadInput: a feature has no column, or no value at all in the window.
    """
    vocabularies: dict[str, list[str]] = {}
    boundaries: dict[str, list[float]] = {}
    for name, feature in features.items():
        table = examples if feature.table == "apps" else queries
        if spec.column_of(name, feature) not in table.columns:
            raise BadInput(
                f"features.{name}: expected a column {spec.column_of(name, feature)!r} in table "
                f"{feature.table!r}, found {', '.join(table.columns)}: remove the feature from "
                "recsys.toml or mend the data."
            )
        column = table[spec.column_of(name, feature)]
        if feature.kind == "number":
            boundaries[name] = _inner_quantiles(column, feature.num_quantiles)
            empty = not boundaries[name]
        elif has_vocabulary(feature) and not feature.vocabulary:
            vocabularies[name] = _frequent_values(column, feature)
            empty = not vocabularies[name]
        else:
            empty = False
        if empty:
            raise BadInput(
                f"features.{name}: expected values in column {column.get_name()!r} of table "
                f"{feature.table!r}, found none (min_count is {feature.min_count}): remove the "
                "feature from recsys.toml or mend the data."
            )
    return FittedTransform(features, vocabularies, boundaries)


class FeatureTransform(tf.Module):  # type: ignore[misc]
    """The fitted transform as TensorFlow ops.

    An index is 0 for a missing value, then 1 to the vocabulary's size in order of frequency, then
    the out-of-vocabulary buckets.
    """

    def __init__(self, fitted: FittedTransform, folder: Path) -> None:
        """`folder` is where `fitted` was saved: its files become the saved model's assets."""
        super().__init__(name="feature_transform")
        self._features = dict(fitted.features)
        self._boundaries = dict(fitted.boundaries)
        self._tables = {
            name: tf.lookup.StaticVocabularyTable(
                tf.lookup.TextFileInitializer(
                    str(vocabulary_file(folder, name)),
                    key_dtype=tf.string,
                    key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
                    value_dtype=tf.int64,
                    value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
                ),
                num_oov_buckets=fitted.features[name].num_oov_buckets,
            )
            for name in fitted.vocabularies
        }

    def __call__(self, raw: Tensors) -> dict[str, Any]:
        """Transforms the raw features that are given, whichever side they are of."""
        return {name: self._transform(name, values) for name, values in raw.items()}

    def _transform(self, name: str, values: Any) -> Any:
        feature = self._features[name]
        values = tf.convert_to_tensor(values)
        match feature.kind:
            case "category" | "categories":
                found = self._tables[spec.vocabulary_of(name, feature)].lookup(values) + 1
                return tf.cast(tf.where(values == "", tf.zeros_like(found), found), tf.int32)
            case "number":
                return self._quantile(name, values)
            case "hour":
                return _known_time(values, values % SECONDS_PER_DAY // 3_600 + 1)
            case "weekday":
                # The first of January 1970 was a Thursday; Monday is 1.
                return _known_time(values, (values // SECONDS_PER_DAY + 3) % 7 + 1)

    def _quantile(self, name: str, values: Any) -> Any:
        boundaries = self._boundaries[name]
        below = tf.raw_ops.Bucketize(input=values, boundaries=boundaries)
        cdf = tf.cast(below, tf.float32) / len(boundaries)
        return tf.where(tf.math.is_nan(values), tf.fill(tf.shape(cdf), 0.5), cdf)


def raw_signature(features: Features, leading: tuple[int | None, ...]) -> dict[str, tf.TensorSpec]:
    """Tensor specs of raw features with these leading dimensions, e.g. `(None,)` for a batch."""
    dtypes = {"number": tf.float32, "hour": tf.int64, "weekday": tf.int64}
    return {
        name: tf.TensorSpec(
            leading + _trailing(feature), dtypes.get(feature.kind, tf.string), name=name
        )
        for name, feature in features.items()
    }


def transformed_signature(
    features: Features, leading: tuple[int | None, ...]
) -> dict[str, tf.TensorSpec]:
    """Tensor specs of transformed features with these leading dimensions."""
    return {
        name: tf.TensorSpec(
            leading + _trailing(feature),
            tf.float32 if feature.kind == "number" else tf.int32,
            name=name,
        )
        for name, feature in features.items()
    }


def _trailing(feature: Feature) -> tuple[int, ...]:
    return (feature.max_length,) if feature.kind == "categories" else ()


def _known_time(times: Any, indices: Any) -> Any:
    return tf.cast(tf.where(times == spec.NO_TIME, tf.zeros_like(indices), indices), tf.int32)


def _frequent_values(column: ibis.Column, feature: Feature) -> list[str]:
    values = column.unnest() if feature.kind == "categories" else column
    counts = (
        values.cast("string")
        .name("value")
        .as_table()
        .filter(lambda t: t.value.notnull() & (t.value != ""))
        # A vocabulary is a text file, a value a line: a value of two lines stays outside.
        .filter(lambda t: ~t.value.contains("\n") & ~t.value.contains("\r"))
        .group_by("value")
        .agg(count=ibis._.count())
        .filter(ibis._["count"] >= feature.min_count)
        .order_by(ibis.desc("count"), "value")
    )
    return [str(value) for value in counts.to_pyarrow()["value"].to_pylist()]


def _inner_quantiles(column: ibis.Column, num_quantiles: int) -> list[float]:
    levels = np.arange(1, num_quantiles) / num_quantiles
    known = column.cast("float64").nullif(float("nan"))
    values = known.quantile(list(levels)).to_pyarrow().as_py()
    return [] if values is None else [float(value) for value in values]
