"""Trainer: the retrieval model and the ranking model, each from the same transformed examples, and
each beginning as the model of its kind that served before."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline import transform
from pipeline.artifacts import TrainedModel, TrainedRanking, TrainedRetrieval, TransformGraph
from recsys.config import Config
from recsys.features.transform import FittedTransform
from recsys.features.transformed import TransformedExamples
from recsys.models import loss_curve, training, weights
from recsys.models.batches import Vectors
from recsys.models.training import Base, Trained

VECTORS = "vectors"
TENSORBOARD = "tensorboard"


def trainer_retrieval(
    transformed: TransformGraph,
    base: TrainedRetrieval | None,
    why: str,
    config: Config,
    out: Path,
) -> None:
    """Trains the two towers; writes `weights/` and what a warm start needs beside them, how it went
    (`history.json`, and its loss for TensorBoard), and `vectors/`: what the towers make of the
    window's queries and of the catalogue.

    Args:
        transformed: the window's examples.
        base: the model to begin from; None begins from random weights.
        why: why from this one, or from none.
        config: how to train.
        out: the folder to write into.

    Raises:
        BadInput: there is no install to train on.
    """
    examples = TransformedExamples.load(transformed.path / transform.EXAMPLES)
    fitted = fitted_transform(transformed, config)
    trained = training.train_retrieval(examples, fitted, _base(base), config)
    _save(trained, fitted, base, why, out)
    training.vectors_of(trained.model, examples).save(out / VECTORS)


def trainer_ranking(
    transformed: TransformGraph,
    retrieval: TrainedRetrieval,
    base: TrainedRanking | None,
    why: str,
    config: Config,
    out: Path,
) -> None:
    """Trains the ranker, which sees the vectors of `retrieval`; the rest is as for the towers."""
    examples = TransformedExamples.load(transformed.path / transform.EXAMPLES)
    vectors = Vectors.load(retrieval.path / VECTORS)
    fitted = fitted_transform(transformed, config)
    trained = training.train_ranking(examples, vectors, fitted, _base(base), config)
    _save(trained, fitted, base, why, out)


def fitted_transform(transformed: TransformGraph, config: Config) -> FittedTransform:
    """The transform that a component before fitted."""
    return FittedTransform.load(transformed.path / transform.GRAPH, config.features)


def _base(model: TrainedModel | None) -> Base | None:
    return None if model is None else Base(model.path, model.last_day)


def _save(
    trained: Trained, fitted: FittedTransform, base: TrainedModel | None, why: str, out: Path
) -> None:
    weights.save_as_base(trained.model, fitted, out)
    history: dict[str, Any] = {
        "start": "cold" if base is None else "warm",
        "why": why,
        "last_day": trained.last_day.isoformat(),
        "num_examples": trained.num_examples,
        "loss": trained.losses,
        "curve": trained.curve,
        "copied": trained.copied and asdict(trained.copied),
    }
    (out / TrainedModel.history_file).write_text(json.dumps(history, indent=1) + "\n")
    loss_curve.save_for_tensorboard(trained.curve, out / TENSORBOARD)
