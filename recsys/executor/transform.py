"""The fitted transform of a query's features, for a request: look-ups in dictionaries.

`recsys.features.transform.FeatureTransform` is the same in TensorFlow, and says what the indices
mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.config import Feature
from recsys.executor.fingerprint import fingerprint64
from recsys.features import spec
from recsys.features.fitted import SECONDS_PER_DAY, FittedTransform
from recsys.features.transformed import Arrays

_Apply = Callable[[NDArray[Any]], NDArray[Any]]


class QueryTransform:
    """Raw query features to transformed ones, as `recsys.features.spec` describes both."""

    def __init__(self, folder: Path, features: spec.Features) -> None:
        """`folder` is where the transform was saved; `features` are those of both sides."""
        fitted = FittedTransform.load(folder, spec.of_query(features))
        indices = {
            root: _Indices(values, features[root].num_oov_buckets)
            for root, values in fitted.vocabularies.items()
        }
        self._applied = {
            name: _apply(name, feature, fitted, indices)
            for name, feature in fitted.features.items()
        }

    def __call__(self, raw: Arrays) -> dict[str, NDArray[Any]]:
        """Transforms raw features `[num_queries, ...]`."""
        return {name: apply(raw[name]) for name, apply in self._applied.items()}


class _Indices(dict[str, int]):
    """The index of each value: 0 where it is missing, 1 for the vocabulary's first, and a bucket
    beyond the vocabulary for a value outside of it."""

    def __init__(self, values: Sequence[str], num_oov_buckets: int) -> None:
        super().__init__({value: index for index, value in enumerate(values, 1)})
        self[""] = 0
        self._first_bucket = 1 + len(values)
        self._num_buckets = num_oov_buckets

    def __missing__(self, value: str) -> int:
        if self._num_buckets == 1:
            return self._first_bucket
        return self._first_bucket + fingerprint64(value) % self._num_buckets

    def of_texts(self, texts: NDArray[Any]) -> NDArray[Any]:
        """The indices of an array of texts, of the same shape."""
        indices = map(self.__getitem__, texts.ravel().tolist())
        return np.fromiter(indices, np.int32, texts.size).reshape(texts.shape)


def _apply(
    name: str, feature: Feature, fitted: FittedTransform, indices: dict[str, _Indices]
) -> _Apply:
    match feature.kind:
        case "category" | "categories":
            return indices[spec.vocabulary_of(name, feature)].of_texts
        case "number":
            boundaries = np.array(fitted.boundaries[name], dtype=np.float32)
            return lambda values: _quantiles(values, boundaries)
        case "hour":
            return lambda times: _known(times, times % SECONDS_PER_DAY // 3_600 + 1)
        case "weekday":
            return lambda times: _known(times, (times // SECONDS_PER_DAY + 3) % 7 + 1)


def _quantiles(values: NDArray[Any], boundaries: NDArray[np.float32]) -> NDArray[np.float32]:
    below = np.searchsorted(boundaries, values, side="right").astype(np.float32)
    cdf: NDArray[np.float32] = below / np.float32(len(boundaries))
    return np.where(np.isnan(values), np.float32(0.5), cdf)


def _known(times: NDArray[Any], indices: NDArray[Any]) -> NDArray[Any]:
    return np.where(times == spec.NO_TIME, 0, indices).astype(np.int32)
