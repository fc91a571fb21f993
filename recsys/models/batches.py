"""Batches of transformed examples, shuffled anew each epoch, with each model's negatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recsys.config import Ranking, Retrieval
from recsys.features import spec
from recsys.features.transformed import Arrays, TransformedExamples
from recsys.models.sampling import mixed_sampling_probability

Batch = Mapping[str, Any]


class _Batches(tf.keras.utils.Sequence):  # type: ignore[misc]
    """Batches of some of the examples; epoch `e` is shuffled by the stream `(seed, e)`."""

    def __init__(
        self, examples: TransformedExamples, rows: NDArray[np.int64], batch_size: int, seed: int
    ) -> None:
        super().__init__()
        self._examples = examples
        self._rows = rows
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self._shuffle()

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._batch_size)

    def on_epoch_end(self) -> None:
        """Keras calls it after each pass."""
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        self._random = np.random.default_rng([self._seed, self._epoch])
        self._order = self._random.permutation(self._rows)

    def _batch_rows(self, number: int) -> NDArray[np.int64]:
        return self._order[number * self._batch_size : (number + 1) * self._batch_size]

    def _queries(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return take(self._examples.query, self._examples.query_row[rows])


class RetrievalBatches(_Batches):
    """Positives, followed by uniform negatives from the whole catalogue."""

    def __init__(self, examples: TransformedExamples, config: Retrieval, seed: int) -> None:
        positive = np.flatnonzero(examples.installed & (examples.app_row >= 0))
        super().__init__(examples, positive, min(config.batch_size, len(positive)), seed)
        self._num_apps = len(next(iter(examples.catalogue.values())))
        self._num_uniform = config.num_uniform_negatives
        self._probability = mixed_sampling_probability(
            np.bincount(examples.app_row[positive], minlength=self._num_apps),
            self._batch_size,
            self._num_uniform,
        )

    def __getitem__(self, number: int) -> Batch:
        """The batch of that number, as `RetrievalModel.compute_loss` takes it."""
        rows = self._batch_rows(number)
        uniform = self._random.integers(self._num_apps, size=self._num_uniform)
        positive = take(self._examples.candidate, rows)
        negative = take(self._examples.catalogue, uniform)
        app_rows = np.concatenate([self._examples.app_row[rows], uniform])
        return {
            "query": self._queries(rows),
            "candidate": {
                name: np.concatenate([positive[name], negative[name]]) for name in positive
            },
            "candidate_row": app_rows,
            "sampling_probability": self._probability[app_rows],
        }


class RankingBatches(_Batches):
    """Impressions with their labels, and sampled negatives beside each positive if configured."""

    def __init__(self, examples: TransformedExamples, config: Ranking, seed: int) -> None:
        every = np.arange(len(examples.installed))
        super().__init__(examples, every, config.batch_size, seed)
        self._num_apps = len(next(iter(examples.catalogue.values())))
        self._num_negatives = config.negatives_per_positive

    def __getitem__(self, number: int) -> Batch:
        """The batch of that number, as `RankingModel.compute_loss` takes it: each query with its
        app, followed by its negatives."""
        rows = self._batch_rows(number)
        query = self._queries(rows)
        candidate = {
            name: values[:, None] for name, values in take(self._examples.candidate, rows).items()
        }
        label = self._examples.installed[rows].astype(np.float32)[:, None]
        if self._num_negatives:
            negative = take(self._examples.catalogue, self._negatives(rows, query))
            candidate = {
                name: np.concatenate([values, negative[name]], axis=1)
                for name, values in candidate.items()
            }
            zeros = np.zeros((len(rows), self._num_negatives), dtype=np.float32)
            label = np.concatenate([label, zeros], axis=1)
        return {"query": query, "candidate": candidate, "label": label}

    def _negatives(self, rows: NDArray[np.int64], query: Arrays) -> NDArray[np.int64]:
        """Uniform apps `[num_rows, num_negatives]` that are neither the row's app nor installed.

        What a user has installed but the vocabulary doesn't know can't be told apart, and a draw
        that keeps hitting is left as it is after a few tries.
        """
        drawn = self._random.integers(self._num_apps, size=(len(rows), self._num_negatives))
        own = self._examples.app_row[rows][:, None]
        history = query.get(spec.HISTORY)
        app_index = self._examples.catalogue.get("app_id")
        for _ in range(8):
            hit = drawn == own
            if history is not None and app_index is not None:
                hit |= (app_index[drawn][:, :, None] == history[:, None, :]).any(axis=2)
            if not hit.any():
                break
            drawn[hit] = self._random.integers(self._num_apps, size=int(hit.sum()))
        return drawn


def take(arrays: Arrays, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The given rows, of any shape, of every array."""
    return {name: values[rows] for name, values in arrays.items()}
