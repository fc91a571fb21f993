"""Hashed crosses over arrays: the fingerprints of an app's values lie ready, a row an app.

`recsys.models.crosses.HashedCross` is the same in TensorFlow, and says what is hashed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.index.contract import Rows

Integers = NDArray[np.int64]

# Odd constants of SplitMix64: multiplying by them permutes the 64-bit integers.
MIX_LEFT = np.int64(-7046029254386353131)
MIX_PAIR = np.int64(-4658895280553007687)

NO_VALUE = -1
"""Stands for the fingerprint of a missing value; fingerprints are not negative."""


class Cross:
    """The summed weights of the pairs that hold."""

    def __init__(
        self, query: str, weights: NDArray[np.float32], left: Integers, right: Integers
    ) -> None:
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

    def __call__(self, indices: NDArray[Any], rows: Rows) -> NDArray[np.float32]:
        """One query's index or indices and the rows of its candidates to sums `[num_rows]`."""
        known = np.atleast_1d(indices)
        left = self._left.take(known[known != 0])
        right = self._right.take(rows, axis=0)
        flat = right.ravel()
        pairs = buckets(left[:, None], flat, len(self._weights))
        sums: NDArray[np.float32] = self._weights.take(pairs).sum(axis=0)
        sums[flat == NO_VALUE] = 0
        return sums if right.ndim == 1 else sums.reshape(right.shape).sum(axis=1)


def buckets(left: Integers, right: Integers, num_buckets: int) -> Integers:
    """The bucket of each pair of fingerprints, the left ones mixed; shapes broadcast."""
    mixed: Integers = left ^ right
    mixed *= MIX_PAIR
    mixed ^= mixed >> 32
    if num_buckets & num_buckets - 1:
        mixed %= num_buckets
    else:  # the same remainder without a division
        mixed &= num_buckets - 1
    return mixed
