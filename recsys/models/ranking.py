"""Wide & Deep ranking (2016): memorisation by crosses, generalisation by embeddings, one loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from recsys.config import Ranking
from recsys.features import spec
from recsys.features.spec import EMBEDDING, Features
from recsys.features.transform import FittedTransform
from recsys.features.transformed import TransformedExamples
from recsys.models import rows
from recsys.models.batches import first
from recsys.models.crosses import HashedCross
from recsys.models.embedding import FeatureEmbedding

Tensors = Mapping[str, Any]


class RankingModel(tfrs.models.Model):  # type: ignore[misc]
    """The chance that an app shown to a query is installed.

    The logits of the wide and of the deep part are summed and trained jointly (section 3.3): FTRL
    with L1 for the wide part, AdaGrad for the deep one.
    """

    def __init__(self, fitted: FittedTransform, config: Ranking) -> None:
        super().__init__(name="ranking")
        self._config = config
        self._wide = _WidePart(fitted, config) if config.kind != "deep" else None
        self._deep = _DeepPart(fitted, config) if config.kind != "linear" else None
        self._parts = [part for part in (self._wide, self._deep) if part is not None]
        self._task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
            loss_metrics=[tf.keras.metrics.Mean(name="mean_loss")],
        )

    def make_weights(self, examples: TransformedExamples) -> None:
        """Makes the weights, as Keras does when it sees the first inputs."""
        query = {**first(examples.query), EMBEDDING: np.zeros((1, 1), np.float32)}
        places = {name: values[None] for name, values in first(examples.catalogue).items()}
        places[EMBEDDING] = np.zeros((1, 1, 1), np.float32)
        self({"query": query, "candidate": places})

    def layout(self) -> dict[str, rows.Rows]:
        """What the rows of each weight stand for, by name; places where nothing is said."""
        return {name: found for part in self._parts for name, found in part.layout().items()}

    def compile_for_training(self) -> None:
        """Sets the optimisers of the configuration, one a part."""
        optimizers = []
        if self._wide is not None:
            wide = self._wide
            ftrl = tf.keras.optimizers.legacy.Ftrl(
                self._config.wide_learning_rate,
                l1_regularization_strength=self._config.wide_l1,
            )
            optimizers.append((ftrl, lambda: wide.trainable_variables))
        if self._deep is not None:
            deep = self._deep
            adagrad = tf.keras.optimizers.legacy.Adagrad(self._config.deep_learning_rate)
            optimizers.append((adagrad, lambda: deep.trainable_variables))
        self.compile(optimizer=tfrs.experimental.optimizers.CompositeOptimizer(optimizers))

    def optimizers(self) -> list[tuple[Any, list[Any]]]:
        """The optimisers, once set, each with the variables that it trains."""
        trained = [part.trainable_variables for part in self._parts]
        return list(zip(self.optimizer.optimizers, trained, strict=True))

    def logits(self, query: Tensors, candidate: Tensors) -> Any:
        """Logits `[batch_size, num_candidates]` of transformed features: a query's
        `[batch_size, ...]` and its candidates' `[batch_size, num_candidates, ...]`, each with its
        unit vector of retrieval as `embedding`."""
        return tf.add_n([part((query, candidate)) for part in self._parts])

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Chances of an install of a `query`'s `candidate`s, as `logits` takes and shapes them."""
        return tf.sigmoid(self.logits(inputs["query"], inputs["candidate"]))

    def compute_loss(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """The log loss of one batch: `query`, `candidate` and `label`
        `[batch_size, num_candidates]`, 1 where the app was installed."""
        logits = self.logits(inputs["query"], inputs["candidate"])
        return self._task(
            labels=tf.reshape(inputs["label"], (-1, 1)), predictions=tf.reshape(logits, (-1, 1))
        )


class _WidePart(tf.keras.layers.Layer):  # type: ignore[misc]
    """A generalised linear model over indices, numbers and crosses; its weights begin at zero."""

    def __init__(self, fitted: FittedTransform, config: Ranking) -> None:
        super().__init__(name="wide")
        used = spec.used_by(fitted.features, "wide")
        self._query = _linear(fitted, spec.of_query(used), "query")
        self._candidate = _linear(fitted, spec.of_candidate(used), "candidate")
        self._crosses = [HashedCross(fitted, cross) for cross in config.crosses]

    def build(self, input_shape: Any) -> None:
        """Makes the bias."""
        self._bias = self.add_weight(name="bias", shape=(), initializer="zeros")
        super().build(input_shape)

    def layout(self) -> dict[str, rows.Rows]:
        """What the rows of each weight stand for, by name."""
        layers = [self._query, self._candidate, *self._crosses]
        return {name: found for layer in layers if layer for name, found in layer.layout().items()}

    def call(self, inputs: tuple[Tensors, Tensors]) -> Any:
        query, candidate = inputs
        terms = [layer((query, candidate)) for layer in self._crosses]
        if self._query is not None:
            terms.append(self._query(query)[:, None])
        if self._candidate is not None:
            terms.append(self._candidate(candidate))
        return sum(terms, start=self._bias + 0.0)


class _Linear(tf.keras.layers.Layer):  # type: ignore[misc]
    """One weight for each index of each feature; a number is multiplied by its weight."""

    def __init__(self, fitted: FittedTransform, features: Features, name: str) -> None:
        super().__init__(name=name)
        self._fitted = fitted
        self._kinds = {name: feature.kind for name, feature in features.items()}
        self._sizes = {
            name: 1 if feature.kind == "number" else fitted.size(name)
            for name, feature in features.items()
        }

    def build(self, input_shape: Any) -> None:
        self._weights_of = {
            name: self.add_weight(name=name, shape=(size,), initializer="zeros")
            for name, size in self._sizes.items()
        }
        super().build(input_shape)

    def layout(self) -> dict[str, rows.Rows]:
        """What the rows of each weight stand for, by name."""
        return {
            rows.name_of(weight): rows.of_feature(self._fitted, name)
            for name, weight in self._weights_of.items()
        }

    def call(self, transformed: Tensors) -> Any:
        return tf.add_n([self._term(name, transformed[name]) for name in self._kinds])

    def _term(self, name: str, values: Any) -> Any:
        weights = self._weights_of[name]
        if self._kinds[name] == "number":
            return values * weights[0]
        terms = tf.where(values != 0, tf.gather(weights, values), 0.0)
        return tf.reduce_sum(terms, axis=-1) if self._kinds[name] == "categories" else terms


class _DeepPart(tf.keras.layers.Layer):  # type: ignore[misc]
    """A multilayer perceptron over embeddings and numbers.

    It also sees what retrieval thinks, the product of both unit vectors: Covington et al. (RecSys
    2016), section 4.1, found the scores of candidate generators crucial as features.

    The first layer is a query's part plus a candidate's part, which is the same layer over the
    concatenation of both, but the query's part is computed once for all its candidates.
    """

    def __init__(self, fitted: FittedTransform, config: Ranking) -> None:
        super().__init__(name="deep")
        used = spec.used_by(fitted.features, "deep")
        first, *others = config.hidden_units
        self._query_embedding = FeatureEmbedding(
            fitted, spec.of_query(used), {}, name="query_embedding"
        )
        self._candidate_embedding = FeatureEmbedding(
            fitted, spec.of_candidate(used), {}, name="candidate_embedding"
        )
        self._query_first = tf.keras.layers.Dense(first, name="query_first")
        self._candidate_first = tf.keras.layers.Dense(first, use_bias=False, name="candidate_first")
        self._hidden = [
            tf.keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")
            for number, units in enumerate(others, start=1)
        ]
        self._output = tf.keras.layers.Dense(1, name="output")

    def layout(self) -> dict[str, rows.Rows]:
        """What the rows of each table and kernel stand for, by name."""
        query, candidate = self._query_embedding, self._candidate_embedding
        described = [*candidate.blocks(), ("affinity", 1)]
        first = self._query_first.units
        return {
            **query.layout(),
            **candidate.layout(),
            **rows.of_layers(query.blocks(), [self._query_first]),
            **rows.of_layers(described, [self._candidate_first]),
            **rows.of_layers([("first", first)], [*self._hidden, self._output]),
        }

    def call(self, inputs: tuple[Tensors, Tensors]) -> Any:
        query, candidate = inputs
        affinity = tf.einsum("qd,qcd->qc", query[EMBEDDING], candidate[EMBEDDING])
        described = tf.concat([self._candidate_embedding(candidate), affinity[..., None]], axis=-1)
        vectors = tf.nn.relu(
            self._query_first(self._query_embedding(query))[:, None, :]
            + self._candidate_first(described)
        )
        for layer in self._hidden:
            vectors = layer(vectors)
        return tf.squeeze(self._output(vectors), axis=-1)


def _linear(fitted: FittedTransform, features: Features, name: str) -> _Linear | None:
    return _Linear(fitted, features, name) if features else None
