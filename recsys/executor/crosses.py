"""Hashed crosses over arrays: the fingerprints of an app's values lie ready, a row an app.

`recsys.models.crosses.HashedCross` is the same in TensorFlow, and says what is hashed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.executor.pairs import Pairs

Integers = NDArray[np.int64]
Sums = NDArray[np.float32]

# Odd constants of SplitMix64: multiplying by them permutes the 64-bit integers.
MIX_LEFT = np.int64(-7046029254386353131)
MIX_PAIR = np.int64(-4658895280553007687)

NO_VALUE = -1
"""Stands for the fingerprint of a missing value; fingerprints are not negative."""


class Cross:
    """The summed weights of the pairs that hold."""

    def __init__(self, query: str, weights: Sums, left: Integers, right: Integers) -> None:
        """
        Args:
            query: the query's feature.
            weights: one a bucket.
            left: `[size]`, the fingerprint of each index of that feature, mixed by `MIX_LEFT`.
            right: `[num_apps]` or `[num_apps, max_length]`, the fingerprints of each app's value or
                values, `NO_VALUE` where there is none.
        """
        self.query = query
        self._weights = weights
        self._left = left
        self._right = right

    def __call__(self, indices: NDArray[Any], pairs: Pairs) -> Sums:
        """Each query's index `[num_queries]` or indices `[num_queries, max_length]`, and the
        queries' candidates, to sums `[num_pairs]`."""
        right = self._right.take(pairs.rows, axis=0)
        of_pair = 1 if right.ndim == 1 else right.shape[1]
        flat = right.ravel()
        sums = (self._of_one if indices.ndim == 1 else self._of_several)(
            indices, flat, pairs, of_pair
        )
        sums[flat == NO_VALUE] = 0
        return sums if right.ndim == 1 else sums.reshape(right.shape).sum(axis=1)

    def _of_one(self, indices: NDArray[Any], right: Integers, pairs: Pairs, of_pair: int) -> Sums:
        counts = pairs.counts * of_pair
        mixed = self._left.take(indices).repeat(counts)
        sums = self._weights.take(buckets(mixed, right, len(self._weights), mixed))
        sums[(indices == 0).repeat(counts)] = 0
        return sums

    def _of_several(
        self, indices: NDArray[Any], right: Integers, pairs: Pairs, of_pair: int
    ) -> Sums:
        """A query at a time: what one needs at once stays in the processor's cache."""
        sums = np.empty(len(right), dtype=np.float32)
        most = indices.shape[1] * pairs.most * of_pair
        mixed, found = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.float32)
        for number, some in enumerate(pairs.slices(of_pair)):
            known = indices[number]
            left = self._left.take(known[known != 0])
            shape = len(left), some.stop - some.start
            size = shape[0] * shape[1]
            places = mixed[:size].reshape(shape)
            buckets(left[:, None], right[some], len(self._weights), places)
            # No place is outside, and "wrap" checks them faster than "raise".
            weights = self._weights.take(places, out=found[:size].reshape(shape), mode="wrap")
            weights.sum(axis=0, out=sums[some])
        return sums


def buckets(left: Integers, right: Integers, num_buckets: int, out: Integers) -> Integers:
    """The bucket of each pair of fingerprints, the left ones mixed; shapes broadcast to `out`'s."""
    np.bitwise_xor(left, right, out=out)
    out *= MIX_PAIR
    out ^= out >> 32
    if num_buckets & num_buckets - 1:
        out %= num_buckets
    else:  # the same remainder without a division
        out &= num_buckets - 1
    return out
