"""Trainer: the retrieval model and the ranking model, each from the same transformed examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tensorflow as tf

from pipeline import transform
from pipeline.artifacts import TransformGraph
from recsys.config import Config
from recsys.features.transform import FittedTransform
from recsys.features.transformed import TransformedExamples
from recsys.models import weights
from recsys.models.batches import RankingBatches, RetrievalBatches
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel

RETRIEVAL_SECTIONS = ("retrieval", "features", "seed")
RANKING_SECTIONS = ("ranking", "features", "seed")
WEIGHTS = "weights"
HISTORY = "history.json"


def trainer_retrieval(transformed: TransformGraph, config: Config, out: Path) -> None:
    """Trains the two towers; writes `weights/` and the loss of each epoch."""
    examples = TransformedExamples.load(transformed.path / transform.EXAMPLES)
    tf.keras.utils.set_random_seed(config.seed)
    model = RetrievalModel(fitted_transform(transformed, config), config.retrieval)
    batches = RetrievalBatches(examples, config.retrieval, config.seed)
    _train(model, batches, config.retrieval.num_epochs, out)


def trainer_ranking(transformed: TransformGraph, config: Config, out: Path) -> None:
    """Trains the wide-and-deep ranker; writes `weights/` and the loss of each epoch."""
    examples = TransformedExamples.load(transformed.path / transform.EXAMPLES)
    tf.keras.utils.set_random_seed(config.seed)
    model = RankingModel(fitted_transform(transformed, config), config.ranking)
    batches = RankingBatches(examples, config.ranking, config.seed)
    _train(model, batches, config.ranking.num_epochs, out)


def fitted_transform(transformed: TransformGraph, config: Config) -> FittedTransform:
    """The transform that a component before fitted."""
    return FittedTransform.load(transformed.path / transform.GRAPH, config.features)


def _train(model: Any, batches: Any, num_epochs: int, out: Path) -> None:
    model.compile_for_training()
    history = model.fit(batches, epochs=num_epochs, verbose=0, shuffle=False)
    losses = {"loss": [float(loss) for loss in history.history["loss"]]}
    (out / HISTORY).write_text(json.dumps(losses) + "\n")
    weights.save(model, out / WEIGHTS)
