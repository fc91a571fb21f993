"""Both stages and the transform as one SavedModel, which takes raw features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recsys.executor.contract import Installed, Scores
from recsys.features import spec
from recsys.features.spec import EMBEDDING
from recsys.features.transform import FeatureTransform, raw_signature, transformed_signature
from recsys.features.transformed import Arrays
from recsys.index.contract import NO_ROW, Rows
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel

Tensors = Mapping[str, Any]


class TwoStageModel(tf.Module):  # type: ignore[misc]
    """What the request path and the bundle's build call.

    An app's features are transformed once, when the bundle is built; a query's, at each request.
    """

    def __init__(
        self,
        features: spec.Features,
        transform: FeatureTransform,
        retrieval: RetrievalModel,
        ranking: RankingModel,
    ) -> None:
        super().__init__(name="two_stage_model")
        # The variables and not the Keras models are tracked: a saved model is functions over
        # variables, and needs no Keras to be loaded.
        self.variables_of_models = [*retrieval.variables, *ranking.variables]
        self.transform = transform
        query, candidate = spec.of_query(features), spec.of_candidate(features)

        @_function(raw_signature(query, (None,)))
        def encode_query(raw: Tensors) -> dict[str, Any]:
            transformed = transform(raw)
            return {**transformed, EMBEDDING: retrieval.query_tower(transformed)}

        @_function(raw_signature(candidate, (None,)))
        def encode_candidate(raw: Tensors) -> dict[str, Any]:
            transformed = transform(raw)
            return {**transformed, EMBEDDING: retrieval.candidate_tower(transformed)}

        @_function(
            _encoded_signature(query, (None,), retrieval.embedding_dim),
            _encoded_signature(candidate, (None, None), retrieval.embedding_dim),
        )
        def score(query: Tensors, candidate: Tensors) -> Any:
            return ranking({"query": query, "candidate": candidate})

        self.encode_query = encode_query
        """Raw query features `[batch_size, ...]` to transformed ones, and to the queries' unit
        vectors `embedding` `[batch_size, dim]`."""
        self.encode_candidate = encode_candidate
        """The same for apps."""
        self.score = score
        """Encoded queries `[batch_size, ...]` and their encoded candidates
        `[batch_size, num_candidates, ...]` to chances of an install
        `[batch_size, num_candidates]`."""

    def save(self, folder: Path) -> None:
        """Writes a SavedModel."""
        tf.saved_model.save(self, str(folder))


@dataclass(frozen=True)
class LoadedModel:
    """The functions of a saved `TwoStageModel`, as it documents them.

    Each is the one concrete function that its signature left: called directly, it skips the search
    for a fitting one, a good part of a single query's time.
    """

    encode_query: Callable[[Tensors], dict[str, Any]]
    encode_candidate: Callable[[Tensors], dict[str, Any]]
    score: Callable[[Tensors, Tensors], Any]
    saved: Any
    """Holds the variables that the functions read."""


class SavedModels:
    """A saved model as the request path asks models (`recsys.executor.contract.Models`): what the
    executor that serves must agree with."""

    def __init__(self, model: LoadedModel, app_features: Arrays) -> None:
        """`app_features` are the apps' transformed features and unit vectors, a row an app."""
        self._model = model
        self._app_features = app_features

    def encode_query(
        self, raw: Arrays, installed: Installed | None = None
    ) -> dict[str, NDArray[Any]]:
        """See `Models.encode_query`; these models know texts only."""
        return {name: value.numpy() for name, value in self._model.encode_query(raw).items()}

    def score(self, encoded: Arrays, rows: Rows) -> Scores:
        """See `Models.score`."""
        present = rows != NO_ROW
        shown = np.where(present, rows, 0)
        features = {name: values[shown] for name, values in self._app_features.items()}
        return np.where(present, self._model.score(encoded, features).numpy(), -np.inf)


def load(folder: Path) -> LoadedModel:
    """Reads the SavedModel of a `TwoStageModel`."""
    saved = tf.saved_model.load(str(folder))
    functions = (saved.encode_query, saved.encode_candidate, saved.score)
    (encode_query,), (encode_candidate,), (score,) = (f.concrete_functions for f in functions)
    return LoadedModel(encode_query, encode_candidate, score, saved)


def _encoded_signature(
    features: spec.Features, leading: tuple[int | None, ...], dim: int
) -> dict[str, tf.TensorSpec]:
    """Specs of transformed features and, beside them, of the unit vector."""
    vector = tf.TensorSpec((*leading, dim), tf.float32, name=EMBEDDING)
    return {**transformed_signature(features, leading), EMBEDDING: vector}


def _function(*signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compiles a function of these tensors; its Python holds no control flow to convert."""
    return lambda function: tf.function(function, input_signature=signature, autograph=False)
