"""Trainer: the retrieval model and the ranking model, each from the same transformed examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline import transform
from pipeline.artifacts import TrainedRetrieval, TransformGraph
from recsys.config import Config
from recsys.features.transform import FittedTransform
from recsys.features.transformed import Arrays, TransformedExamples
from recsys.models import weights
from recsys.models.batches import RankingBatches, RetrievalBatches, Vectors, take
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel

WEIGHTS = "weights"
HISTORY = "history.json"
VECTORS = "vectors"

_ROWS_AT_ONCE = 16_384


def trainer_retrieval(transformed: TransformGraph, config: Config, out: Path) -> None:
    """Trains the two towers; writes `weights/`, the loss of each epoch, and `vectors/`: what the
    towers make of the window's queries and of the catalogue."""
    examples = TransformedExamples.load(transformed.path / transform.EXAMPLES)
    tf.keras.utils.set_random_seed(config.seed)
    model = RetrievalModel(fitted_transform(transformed, config), config.retrieval)
    batches = RetrievalBatches(examples, config.retrieval, config.seed)
    _train(model, batches, config.retrieval.num_epochs, out)
    Vectors(
        query=_in_pieces(model.query_tower, examples.query),
        catalogue=_in_pieces(model.candidate_tower, examples.catalogue),
    ).save(out / VECTORS)


def trainer_ranking(
    transformed: TransformGraph, retrieval: TrainedRetrieval, config: Config, out: Path
) -> None:
    """Trains the wide-and-deep ranker, which sees the vectors of `retrieval`; writes `weights/`
    and the loss of each epoch."""
    examples = TransformedExamples.load(transformed.path / transform.EXAMPLES)
    vectors = Vectors.load(retrieval.path / VECTORS)
    tf.keras.utils.set_random_seed(config.seed)
    model = RankingModel(fitted_transform(transformed, config), config.ranking)
    batches = RankingBatches(examples, vectors, config.ranking, config.seed)
    _train(model, batches, config.ranking.num_epochs, out)


def fitted_transform(transformed: TransformGraph, config: Config) -> FittedTransform:
    """The transform that a component before fitted."""
    return FittedTransform.load(transformed.path / transform.GRAPH, config.features)


def _train(model: Any, batches: Any, num_epochs: int, out: Path) -> None:
    model.compile_for_training()
    history = model.fit(batches, epochs=num_epochs, verbose=0, shuffle=False)
    losses = {"loss": [float(loss) for loss in history.history["mean_loss"]]}
    (out / HISTORY).write_text(json.dumps(losses) + "\n")
    weights.save(model, out / WEIGHTS)


def _in_pieces(tower: Any, features: Arrays) -> NDArray[np.float32]:
    """The tower's unit vectors of all rows, `[num_rows, dim]`."""
    rows = np.arange(len(next(iter(features.values()))))
    pieces = [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
    return np.concatenate([tower(take(features, piece)).numpy() for piece in pieces])
