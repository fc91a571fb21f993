"""Training a day's models: cold over the whole window, or warm over what is new to the base."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recsys.config import Config, Ranking, Retrieval
from recsys.features.transform import FittedTransform
from recsys.features.transformed import Arrays, TransformedExamples
from recsys.models.batches import RankingBatches, RetrievalBatches, Vectors, take
from recsys.models.loss_curve import LossCurve, LossPoint
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel
from recsys.models.towers import Tower
from recsys.models.warm_start import Copied, warm_start

_ROWS_AT_ONCE = 16_384
_FIRST_DAY = dt.date(1970, 1, 1)
_REPLAY = 1
"""Names the random stream of the replay."""


@dataclass(frozen=True)
class Base:
    """What a warm start begins from."""

    folder: Path
    """What `weights.save_as_base` wrote."""
    last_day: dt.date
    """The last day that it was trained on."""


@dataclass(frozen=True)
class Trained:
    """A trained model, and what it was made of."""

    model: Any
    copied: Copied | None
    """What a warm start took from its base."""
    losses: list[float]
    """The mean loss of each epoch."""
    curve: list[LossPoint]
    """The loss while it was trained."""
    num_examples: int
    """Examples seen, each epoch's again: a model's installs, or a ranker's impressions."""
    last_day: dt.date
    """The last day that it was trained on."""


def train_retrieval(
    examples: TransformedExamples,
    fitted: FittedTransform,
    base: Base | None,
    config: Config,
    callbacks: Sequence[Any] = (),
) -> Trained:
    """Trains the two towers: from a base where there is one, else from random weights.

    Raises:
        BadInput: there is no install to train on.
    """
    settings = config.retrieval
    queries = _queries_for(base, examples, settings, config.seed)
    batches = RetrievalBatches(examples, settings, config.seed, queries)
    epochs = settings.num_warm_epochs if base else settings.num_epochs
    tf.keras.utils.set_random_seed(config.seed)
    model = RetrievalModel(fitted, settings)
    return _trained(model, batches, epochs, examples, fitted, base, callbacks)


def train_ranking(
    examples: TransformedExamples,
    vectors: Vectors,
    fitted: FittedTransform,
    base: Base | None,
    config: Config,
    callbacks: Sequence[Any] = (),
) -> Trained:
    """Trains the ranker in the same way; `vectors` are what retrieval makes of the examples."""
    settings = config.ranking
    queries = _queries_for(base, examples, settings, config.seed)
    batches = RankingBatches(examples, vectors, settings, config.seed, queries)
    epochs = settings.num_warm_epochs if base else settings.num_epochs
    tf.keras.utils.set_random_seed(config.seed)
    model = RankingModel(fitted, settings)
    return _trained(model, batches, epochs, examples, fitted, base, callbacks)


def vectors_of(towers: RetrievalModel, examples: TransformedExamples) -> Vectors:
    """What towers make of the queries and of the catalogue."""
    return Vectors(
        query=unit_vectors(towers.query_tower, examples.query),
        catalogue=unit_vectors(towers.candidate_tower, examples.catalogue),
    )


def unit_vectors(tower: Tower, features: Arrays) -> NDArray[np.float32]:
    """A tower's unit vectors of all rows of transformed features, `[num_rows, dim]`."""
    rows = np.arange(len(next(iter(features.values()))))
    pieces = [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
    return np.concatenate([tower(take(features, piece)).numpy() for piece in pieces])


def _trained(
    model: Any,
    batches: RetrievalBatches | RankingBatches,
    num_epochs: int,
    examples: TransformedExamples,
    fitted: FittedTransform,
    base: Base | None,
    callbacks: Sequence[Any],
) -> Trained:
    model.make_weights(examples)
    model.compile_for_training()
    copied = None if base is None else warm_start(model, fitted, base.folder)
    curve = LossCurve(batches.num_examples, batches.batch_size)
    history = model.fit(
        batches, epochs=num_epochs, verbose=0, shuffle=False, callbacks=[curve, *callbacks]
    )
    return Trained(
        model,
        copied,
        [float(loss) for loss in history.history["mean_loss"]],
        curve.points,
        num_epochs * batches.num_examples,
        _FIRST_DAY + dt.timedelta(days=int(examples.query_day.max())),
    )


def _queries_for(
    base: Base | None, examples: TransformedExamples, settings: Retrieval | Ranking, seed: int
) -> NDArray[np.bool_] | None:
    """Which queries to go over: with a base, those of days that are new to it, and a sample of the
    others, another one each day, which keeps fresh what it knows of them."""
    if base is None:
        return None
    last = (base.last_day - _FIRST_DAY).days
    random = np.random.default_rng([seed, _REPLAY, last])
    replayed = random.random(len(examples.query_day)) < settings.replay_share
    return (examples.query_day > last) | replayed
