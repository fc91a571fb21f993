"""Layers of the models over arrays: embeddings, dense layers, a tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features.spec import Features
from recsys.features.transformed import Arrays
from recsys.index.contract import Vectors

_SMALLEST_SQUARE = np.float32(1e-12)


class Embedding:
    """`recsys.models.embedding.FeatureEmbedding`: tables' rows side by side, lists averaged,
    numbers as they are."""

    def __init__(self, features: Features, tables: Arrays) -> None:
        """`tables` are by feature; their row 0, of a missing value, is zero."""
        self._features = features
        self._tables = tables

    def __call__(self, transformed: Arrays) -> Vectors:
        """Transformed features `[num_rows, ...]` to vectors `[num_rows, width]`."""
        parts = [self._embed(name, transformed[name]) for name in self._features]
        return np.concatenate(parts, axis=1)

    def _embed(self, name: str, values: NDArray[Any]) -> Vectors:
        match self._features[name].kind:
            case "number":
                return values[:, None]
            case "categories":
                return mean(self._tables[name], values)
            case _:
                return self._tables[name].take(values, axis=0)


class Linear:
    """`_Linear` of `recsys.models.ranking`: a weight for each index, numbers times theirs."""

    def __init__(self, features: Features, weights: Arrays) -> None:
        """`weights` are by feature; an index's are zero at 0, where its value is missing."""
        self._features = features
        self._weights = weights

    def __call__(self, transformed: Arrays) -> NDArray[np.float32]:
        """Transformed features `[num_rows, ...]` to sums `[num_rows]`."""
        num_rows = len(next(iter(transformed.values())))
        terms = (self._term(name, transformed[name]) for name in self._features)
        return sum(terms, start=np.zeros(num_rows, np.float32))

    def _term(self, name: str, values: NDArray[Any]) -> NDArray[np.float32]:
        weights = self._weights[name]
        match self._features[name].kind:
            case "number":
                products: NDArray[np.float32] = values * weights[0]
                return products
            case "categories":
                sums: NDArray[np.float32] = weights.take(values).sum(axis=1)
                return sums
            case _:
                return weights.take(values)


class Perceptron:
    """Dense layers, each but the last rectified.

    A rectified `x + bias` is `max(x, -bias) + bias`, and the last addition is part of the next
    layer's bias: so a layer's outputs are gone through once.
    """

    def __init__(self, weights: Arrays, names: Sequence[str]) -> None:
        """`weights` has `<name>.kernel` and `<name>.bias` of each layer."""
        layers = [(weights[f"{name}.kernel"], weights[f"{name}.bias"]) for name in names]
        biases: list[Vectors] = []
        left_out = np.zeros(len(layers[0][0]), dtype=np.float32)
        for kernel, bias in layers:
            left_out = left_out @ kernel + bias
            biases.append(left_out)
        self._hidden = [(kernel, -bias) for (kernel, _), bias in zip(layers, biases, strict=True)]
        self._kernel, _ = self._hidden.pop()
        self._bias = biases[-1]

    def room(self, num_rows: int) -> list[Vectors]:
        """Memory for the hidden layers of so many rows."""
        return [np.empty((num_rows, len(least)), dtype=np.float32) for _, least in self._hidden]

    def __call__(
        self, vectors: Vectors, room: Sequence[Vectors] | None = None, out: Vectors | None = None
    ) -> Vectors:
        """`[num_rows, width]` to the last layer's `[num_rows, width]`.

        Args:
            vectors: what the first layer sees.
            room: what `room` gave for as many rows or more, to be used again and again.
            out: where to write.
        """
        count = len(vectors)
        rooms = self.room(count) if room is None else room
        for (kernel, least), layer in zip(self._hidden, rooms, strict=True):
            vectors = np.matmul(vectors, kernel, out=layer[:count])
            np.maximum(vectors, least, out=vectors)
        product: Vectors = np.matmul(vectors, self._kernel, out=out)
        product += self._bias
        return product


class Tower:
    """`recsys.models.towers.Tower`: embedded features through dense layers to a unit vector."""

    def __init__(self, embedding: Embedding, layers: Perceptron) -> None:
        self._embedding = embedding
        self._layers = layers

    def __call__(self, transformed: Arrays) -> Vectors:
        """Transformed features `[num_rows, ...]` to unit vectors `[num_rows, dim]`."""
        vectors = self._layers(self._embedding(transformed))
        squares = np.einsum("nd,nd->n", vectors, vectors)
        vectors /= np.sqrt(np.maximum(squares, _SMALLEST_SQUARE))[:, None]
        return vectors


def mean(table: Vectors, lists: NDArray[np.int32]) -> Vectors:
    """The mean of the rows that each list names, `[num_lists, max_length]` to `[num_lists, width]`;
    0 pads a list."""
    sums: Vectors = table.take(lists, axis=0).sum(axis=1)
    counts = (lists != 0).sum(axis=1)
    sums /= np.maximum(counts, 1).astype(np.float32)[:, None]
    return sums
