"""Batches of transformed examples, shuffled anew each epoch, with each model's negatives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recsys.config import Ranking, Retrieval
from recsys.errors import BadInput
from recsys.features import spec
from recsys.features.spec import EMBEDDING
from recsys.features.transformed import (
    Arrays,
    TransformedExamples,
    load_arrays,
    save_arrays,
)
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

    @property
    def num_examples(self) -> int:
        """How many examples an epoch goes over."""
        return len(self._rows)

    @property
    def batch_size(self) -> int:
        """Examples of a batch; the last one of an epoch may have fewer."""
        return self._batch_size

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
    """What queries ended in, then apps hidden from histories, then uniform negatives.

    Installs are few. An app hidden from a query's history and foretold from the rest of it (the
    Cloze task; Sun et al., BERT4Rec, CIKM 2019, section 3.6) is one more positive, made only of
    what was known at the request.

    Raises:
        BadInput: no query ended in an install.
    """

    def __init__(
        self,
        examples: TransformedExamples,
        config: Retrieval,
        seed: int,
        queries: NDArray[np.bool_] | None = None,
    ) -> None:
        """`queries`, `[num_queries]`, says which of them to draw from; None, from all."""
        positive = _rows_of(examples, queries, examples.installed)
        if not len(positive):
            raise BadInput(
                "expected installs of apps in the catalogue among the days to train on, found "
                "none: set examples.window_days or retrieval.replay_share higher, or mend the "
                "outcomes."
            )
        super().__init__(examples, positive, min(config.batch_size, len(positive)), seed)
        self._num_uniform = config.num_uniform_negatives
        self._histories = HiddenApps(examples, queries)
        self._num_hidden = config.num_hidden_apps if self._histories.num_queries else 0
        num_apps = len(self._histories.occurrences)
        self._probability = mixed_sampling_probability(
            [
                (self._batch_size, np.bincount(examples.app_row[positive], minlength=num_apps)),
                (self._num_hidden, self._histories.occurrences),
                (self._num_uniform, np.ones(num_apps, dtype=np.int64)),
            ]
        )

    def __getitem__(self, number: int) -> Batch:
        """The batch of that number, as `RetrievalModel.compute_loss` takes it."""
        rows = self._batch_rows(number)
        asked, hidden = self._histories.draw(self._random, self._num_hidden)
        uniform = self._random.integers(len(self._probability), size=self._num_uniform)
        others = np.concatenate([hidden, uniform])
        app_rows = np.concatenate([self._examples.app_row[rows], others])
        candidates = [take(self._examples.candidate, rows), take(self._examples.catalogue, others)]
        return {
            "query": _joined([self._queries(rows), asked]),
            "candidate": _joined(candidates),
            "candidate_row": app_rows,
            "sampling_probability": self._probability[app_rows],
        }


class HiddenApps:
    """Queries with one app taken out of the history, and which one it was."""

    def __init__(
        self, examples: TransformedExamples, queries: NDArray[np.bool_] | None = None
    ) -> None:
        self._query = examples.query
        self._row_of_index = _row_of_index(examples)
        histories = examples.query.get(spec.HISTORY)
        num_apps = len(next(iter(examples.catalogue.values())))
        self.occurrences = np.zeros(num_apps, dtype=np.int64)
        """`[num_apps]`, in how many histories each app is."""
        self._candidates = np.empty(0, dtype=np.int64)
        if histories is not None:
            rows = self._row_of_index[histories]
            if queries is not None:
                rows[~queries] = -1
            self.occurrences = np.bincount(rows[rows >= 0], minlength=num_apps)
            # One app alone leaves nothing to foretell it from.
            self._candidates = np.flatnonzero((rows >= 0).sum(axis=1) > 1)

    @property
    def num_queries(self) -> int:
        """How many queries have an app to hide."""
        return len(self._candidates)

    def draw(
        self, random: np.random.Generator, count: int
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
        """Transformed features of `count` queries without one of their apps, and its rows."""
        if not count:
            return take(self._query, np.empty(0, dtype=np.int64)), np.empty(0, dtype=np.int64)
        query = take(self._query, random.choice(self._candidates, size=count))
        history = query[spec.HISTORY]
        known = self._row_of_index[history] >= 0
        place = np.where(known, random.random(history.shape), -1.0).argmax(axis=1)
        every = np.arange(count)
        hidden = self._row_of_index[history[every, place]]
        history[every, place] = 0
        return query, hidden


def _rows_of(
    examples: TransformedExamples, queries: NDArray[np.bool_] | None, wanted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The wanted examples of some queries whose app is in the catalogue."""
    chosen = wanted if queries is None else wanted & queries[examples.query_row]
    return np.flatnonzero(chosen & (examples.app_row >= 0))


def _row_of_index(examples: TransformedExamples) -> NDArray[np.int64]:
    """The catalogue's row of each index of the vocabulary of app ids; -1 where no single app has
    it."""
    indices = examples.catalogue.get("app_id", np.empty(0, dtype=np.int32))
    largest = max((int(values.max(initial=0)) for values in _id_arrays(examples)), default=0)
    rows = np.full(largest + 1, -1, dtype=np.int64)
    rows[indices] = np.arange(len(indices))
    rows[np.bincount(indices, minlength=len(rows)) > 1] = -1
    return rows


def _id_arrays(examples: TransformedExamples) -> list[NDArray[Any]]:
    found = (examples.query.get(spec.HISTORY), examples.catalogue.get("app_id"))
    return [values for values in found if values is not None]


def _joined(parts: Sequence[Arrays]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True)
class Vectors:
    """What the towers make of transformed examples."""

    query: NDArray[np.float32]
    """`[num_queries, dim]`."""
    catalogue: NDArray[np.float32]
    """`[num_apps, dim]`."""

    def save(self, folder: Path) -> None:
        """Writes two arrays."""
        save_arrays(folder, {"query": self.query, "catalogue": self.catalogue})

    @staticmethod
    def load(folder: Path) -> Vectors:
        """Maps what `save` wrote into memory."""
        return Vectors(**load_arrays(folder))


class RankingBatches(_Batches):
    """Impressions with their labels, and sampled negatives beside each positive if configured."""

    def __init__(
        self,
        examples: TransformedExamples,
        vectors: Vectors,
        config: Ranking,
        seed: int,
        queries: NDArray[np.bool_] | None = None,
    ) -> None:
        """`queries`, `[num_queries]`, says which of them to draw from; None, from all."""
        rows = _rows_of(examples, queries, np.ones_like(examples.installed))
        super().__init__(examples, rows, config.batch_size, seed)
        self._vectors = vectors
        self._num_negatives = config.negatives_per_positive

    def __getitem__(self, number: int) -> Batch:
        """The batch of that number, as `RankingModel.compute_loss` takes it: each query with its
        app, followed by its negatives."""
        rows = self._batch_rows(number)
        query = self._queries(rows)
        negatives = self._negatives(rows, query)
        own = take(self._examples.candidate, rows)
        others = take(self._examples.catalogue, negatives)
        app_rows = np.concatenate([self._examples.app_row[rows][:, None], negatives], axis=1)
        candidate = {
            name: np.concatenate([own[name][:, None], others[name]], axis=1) for name in own
        }
        label = np.zeros(app_rows.shape, dtype=np.float32)
        label[:, 0] = self._examples.installed[rows]
        query_vectors = self._vectors.query[self._examples.query_row[rows]]
        return {
            "query": {**query, EMBEDDING: query_vectors},
            "candidate": {**candidate, EMBEDDING: self._vectors.catalogue[app_rows]},
            "label": label,
        }

    def _negatives(self, rows: NDArray[np.int64], query: Arrays) -> NDArray[np.int64]:
        """Uniform apps `[num_rows, num_negatives]` that are neither the row's app nor installed.

        What a user has installed but the vocabulary doesn't know can't be told apart, and a draw
        that keeps hitting is left as it is after a few tries.
        """
        num_apps = len(self._vectors.catalogue)
        drawn = self._random.integers(num_apps, size=(len(rows), self._num_negatives))
        own = self._examples.app_row[rows][:, None]
        history = query.get(spec.HISTORY)
        app_index = self._examples.catalogue.get("app_id")
        for _ in range(8):
            hit = drawn == own
            if history is not None and app_index is not None:
                hit |= (app_index[drawn][:, :, None] == history[:, None, :]).any(axis=2)
            if not hit.any():
                break
            drawn[hit] = self._random.integers(num_apps, size=int(hit.sum()))
        return drawn


def take(arrays: Arrays, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The given rows, of any shape, of every array."""
    return {name: values[rows] for name, values in arrays.items()}


def first(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The first row of every array, `[1, ...]`."""
    return take(arrays, np.zeros(1, dtype=np.int64))
