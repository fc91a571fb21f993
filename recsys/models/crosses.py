"""Crosses of a query's feature with a candidate's, hashed: what the wide part memorises.

Wide & Deep (2016), section 3.1: phi(x) = 1 where both values hold. A pair is hashed by what its
values *are*, not by where they stand in a vocabulary, so its weight outlives a new vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recsys.config import Cross
from recsys.executor.crosses import MIX_LEFT, MIX_PAIR
from recsys.features import spec
from recsys.features.transform import FittedTransform
from recsys.models import rows

Tensors = Mapping[str, Any]


class HashedCross(tf.keras.layers.Layer):  # type: ignore[misc]
    """The summed weights of all pairs that hold."""

    def __init__(self, fitted: FittedTransform, cross: Cross) -> None:
        super().__init__(name=cross.name)
        self._cross = cross
        sides = (rows.source_of(fitted, name) for name in (cross.query, cross.candidate))
        self._pairs = " x ".join(sides)
        self._query_fingerprints = tf.constant(fingerprints(fitted, cross.query))
        self._candidate_fingerprints = tf.constant(fingerprints(fitted, cross.candidate))

    def build(self, input_shape: Any) -> None:
        """Makes one weight a bucket."""
        self._weights = self.add_weight(
            name="weights", shape=(self._cross.num_buckets,), initializer="zeros"
        )
        super().build(input_shape)

    def layout(self) -> dict[str, rows.Rows]:
        """What the buckets hold: pairs, hashed by what they are."""
        return {rows.name_of(self._weights): rows.Places(of=self._pairs)}

    def call(self, inputs: tuple[Tensors, Tensors]) -> Any:
        """Transformed features of queries `[batch_size, ...]` and of their candidates
        `[batch_size, num_candidates, ...]` to sums `[batch_size, num_candidates]`."""
        query, candidate = inputs
        left = _as_list(query[self._cross.query], rank=2)[:, None, :, None]
        right = _as_list(candidate[self._cross.candidate], rank=3)[:, :, None, :]
        pairs = bucket(
            tf.gather(self._query_fingerprints, left),
            tf.gather(self._candidate_fingerprints, right),
            self._cross.num_buckets,
        )
        # Pairs with padding have no weight, and lists are padded more than they are full.
        places = tf.where(tf.logical_and(left != 0, right != 0))
        num_queries, num_candidates = tf.unstack(tf.shape(pairs, out_type=tf.int64)[:2])
        sums = tf.math.unsorted_segment_sum(
            tf.gather(self._weights, tf.gather_nd(pairs, places)),
            places[:, 0] * num_candidates + places[:, 1],
            num_queries * num_candidates,
        )
        return tf.reshape(sums, (num_queries, num_candidates))


def _as_list(indices: Any, rank: int) -> Any:
    """A `category` as a list of one, so that it crosses as `categories` do."""
    return indices if len(indices.shape) == rank else indices[..., None]


def bucket(left: Any, right: Any, num_buckets: int) -> Any:
    """The bucket of each pair of fingerprints, int64, in `[0, num_buckets)`; shapes broadcast."""
    mixed = tf.bitwise.bitwise_xor(left * MIX_LEFT, right) * MIX_PAIR
    mixed = tf.bitwise.bitwise_xor(mixed, tf.bitwise.right_shift(mixed, np.int64(32)))
    return tf.math.floormod(mixed, np.int64(num_buckets))


def fingerprints(fitted: FittedTransform, name: str) -> NDArray[np.int64]:
    """A 63-bit hash of each value that a feature's index stands for, `[size]`."""
    feature = fitted.features[name]
    vocabulary = fitted.vocabularies[spec.vocabulary_of(name, feature)]
    num_oov = fitted.size(name) - 1 - len(vocabulary)
    values = ["", *vocabulary, *(f"\n{number}" for number in range(num_oov))]
    hashed = tf.strings.to_hash_bucket_fast(tf.constant(values), 2**63 - 1)
    return np.asarray(hashed.numpy(), dtype=np.int64)
