"""The fitted transform of a query's features, for a request: look-ups in dictionaries.

`recsys.features.transform.FeatureTransform` is the same in TensorFlow, and says what the indices
mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.config import Feature
from recsys.executor.contract import Installed
from recsys.executor.fingerprint import fingerprint64
from recsys.features import spec
from recsys.features.fitted import (
    SECONDS_PER_DAY,
    MappedVocabulary,
    has_vocabulary,
    read_boundaries,
    read_vocabulary,
)
from recsys.features.transformed import Arrays
from recsys.index.contract import NO_ROW, Rows

Indices = NDArray[np.int32]
_Apply = Callable[[NDArray[Any]], NDArray[Any]]
_Vocabulary = Sequence[str] | MappedVocabulary


class QueryTransform:
    """Raw query features to transformed ones, as `recsys.features.spec` describes both."""

    def __init__(
        self, folder: Path, features: spec.Features, catalogue: Catalogue, app_features: Arrays
    ) -> None:
        """
        Args:
            folder: where the transform was saved.
            features: those of both sides.
            catalogue: the bundle's apps.
            app_features: their transformed features, a row an app.
        """
        used = spec.of_query(features)
        boundaries = read_boundaries(folder)
        indices: _OfRoots = {}
        for root in {spec.vocabulary_of(n, f) for n, f in used.items() if has_vocabulary(f)}:
            num_buckets = features[root].num_oov_buckets
            if root in app_features and spec.column_of(root, features[root]) == "app_id":
                of_rows = np.asarray(app_features[root])
                known = MappedVocabulary(folder, root)
                indices[root] = _AppIndices(known, num_buckets, catalogue, of_rows)
            else:
                values = read_vocabulary(folder, root)
                indices[root] = _Indices(values, num_buckets, range(len(values)))
        self._applied = {
            name: _apply(name, feature, boundaries, indices) for name, feature in used.items()
        }
        self._histories = {
            name: _of_installed(apps, feature.max_length)
            for name, feature in used.items()
            if spec.column_of(name, feature) == spec.HISTORY
            and isinstance(apps := indices.get(spec.vocabulary_of(name, feature)), _AppIndices)
        }

    def __call__(self, raw: Arrays, installed: Installed | None = None) -> dict[str, NDArray[Any]]:
        """Transforms raw features `[num_queries, ...]`; `installed` as `Models.encode_query` has
        it."""
        if installed is None:
            return {name: apply(raw[name]) for name, apply in self._applied.items()}
        return {
            name: self._histories[name](installed, raw[name])
            if name in self._histories
            else apply(raw[name])
            for name, apply in self._applied.items()
        }


class _Indices(dict[str, int]):
    """The index of each value: 0 where it is missing, 1 for the vocabulary's first, and a bucket
    beyond the vocabulary for a value outside of it."""

    def __init__(self, values: _Vocabulary, num_oov_buckets: int, places: Iterable[int]) -> None:
        """`places` are those of the vocabulary's values to hold here."""
        super().__init__({values[place]: place + 1 for place in places})
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


class _AppIndices:
    """The indices of app ids: those of the catalogue are known by their rows, so that a million ids
    are in memory once, and what filters have just looked up is in the processor's cache."""

    def __init__(
        self, values: _Vocabulary, num_oov_buckets: int, catalogue: Catalogue, of_rows: Indices
    ) -> None:
        """`of_rows` is the index of each app of the catalogue."""
        self._catalogue = catalogue
        self._of_rows = of_rows
        is_here = np.zeros(1 + len(values) + num_oov_buckets, dtype=np.bool_)
        is_here[of_rows] = True
        elsewhere = np.flatnonzero(~is_here[1 : 1 + len(values)]).tolist()
        self._others = _Indices(values, num_oov_buckets, elsewhere)

    def of_texts(self, texts: NDArray[Any]) -> NDArray[Any]:
        """The indices of an array of texts, of the same shape."""
        rows = self._catalogue.find(texts.ravel().tolist())
        return self.of_rows(rows.reshape(texts.shape), texts)

    def of_rows(self, rows: Rows, texts: NDArray[Any]) -> NDArray[Any]:
        """The same where the texts' rows are known, `NO_ROW` where there is none."""
        indices = self._of_rows.take(rows, mode="clip")
        is_unknown = rows == NO_ROW
        if is_unknown.any():
            indices[is_unknown] = [self._others[text] for text in texts[is_unknown].tolist()]
        return indices


_OfRoots = dict[str, _Indices | _AppIndices]


def _apply(
    name: str, feature: Feature, quantiles: Mapping[str, Sequence[float]], indices: _OfRoots
) -> _Apply:
    match feature.kind:
        case "category" | "categories":
            return indices[spec.vocabulary_of(name, feature)].of_texts
        case "number":
            boundaries = np.array(quantiles[name], dtype=np.float32)
            return lambda values: _quantiles(values, boundaries)
        case "hour":
            return lambda times: _known(times, times % SECONDS_PER_DAY // 3_600 + 1)
        case "weekday":
            return lambda times: _known(times, (times // SECONDS_PER_DAY + 3) % 7 + 1)


def _of_installed(apps: _AppIndices, count: int) -> Callable[[Installed, NDArray[Any]], Indices]:
    return lambda installed, texts: apps.of_rows(installed(count), texts)


def _quantiles(values: NDArray[Any], boundaries: NDArray[np.float32]) -> NDArray[np.float32]:
    below = np.searchsorted(boundaries, values, side="right").astype(np.float32)
    cdf: NDArray[np.float32] = below / np.float32(len(boundaries))
    return np.where(np.isnan(values), np.float32(0.5), cdf)


def _known(times: NDArray[Any], indices: NDArray[Any]) -> NDArray[Any]:
    return np.where(times == spec.NO_TIME, 0, indices).astype(np.int32)
