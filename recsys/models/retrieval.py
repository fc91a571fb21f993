"""Two-tower retrieval: a sampled softmax over the batch's apps and some of the whole catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from recsys.config import Retrieval
from recsys.features import spec
from recsys.features.transform import FittedTransform
from recsys.features.transformed import TransformedExamples
from recsys.models import rows
from recsys.models.batches import first
from recsys.models.towers import CandidateTower, QueryTower


class RetrievalModel(tfrs.models.Model):  # type: ignore[misc]
    """Predicts which app a query ends in.

    The loss is a softmax over the batch's candidates (in-batch negatives) and over uniform ones
    (mixed negative sampling, Yang et al., WWW 2020), its logits corrected by the log of the chance
    that a candidate was sampled (Yi et al., RecSys 2019, equation 3), with accidental hits masked.
    """

    def __init__(self, fitted: FittedTransform, config: Retrieval) -> None:
        super().__init__(name="retrieval")
        self.query_tower = QueryTower(fitted, config)
        self.candidate_tower = CandidateTower(fitted, config)
        self.embedding_dim = config.embedding_dim
        self._config = config
        self._dropout = config.dropout
        self._correct = tfrs.layers.loss.SamplingProbablityCorrection()
        self._mask_accidental_hits = tfrs.layers.loss.RemoveAccidentalHits()
        self._loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
        self._mean_loss = tf.keras.metrics.Mean(name="mean_loss")

    def make_weights(self, examples: TransformedExamples) -> None:
        """Makes the weights, as Keras does when it sees the first inputs."""
        self.query_tower(first(examples.query))
        self.candidate_tower(first(examples.catalogue))

    def layout(self) -> dict[str, rows.Rows]:
        """What the rows of each weight stand for, by name; places where nothing is said."""
        return {**self.query_tower.layout(), **self.candidate_tower.layout()}

    def compile_for_training(self) -> None:
        """Sets the optimiser of the configuration."""
        self.compile(optimizer=tf.keras.optimizers.legacy.Adam(self._config.learning_rate))

    def optimizers(self) -> list[tuple[Any, list[Any]]]:
        """The optimiser, once set, with the variables that it trains."""
        return [(self.optimizer, self.trainable_variables)]

    def compute_loss(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """The loss of one batch.

        Args:
            inputs: `query`, transformed features of `[batch_size]` queries; `candidate`, those of
                `[batch_size + num_uniform_negatives]` apps, the first `batch_size` being what the
                queries are to foretell; `candidate_row`, the apps' rows in the catalogue;
                `sampling_probability`, each app's chance of being in the sample, up to a factor.
            training: hide some of the history.
        """
        query = dict(inputs["query"])
        if training and self._dropout and spec.HISTORY in query:
            history = query[spec.HISTORY]
            kept = tf.random.uniform(tf.shape(history)) >= self._dropout
            query[spec.HISTORY] = tf.where(kept, history, tf.zeros_like(history))
        # The library's layers and not its `Retrieval` task, which takes `len` of a symbolic tensor:
        # only AutoGraph can answer that, and on Python 3.13 it doesn't.
        logits = tf.matmul(
            self.query_tower(query), self.candidate_tower(inputs["candidate"]), transpose_b=True
        )
        logits /= self._config.temperature
        if self._config.sampling_correction:
            logits = self._correct(logits, inputs["sampling_probability"])
        labels = tf.eye(tf.shape(logits)[0], tf.shape(logits)[1])
        logits = self._mask_accidental_hits(labels, logits, inputs["candidate_row"])
        loss = self._loss(labels, logits)
        self._mean_loss.update_state(loss)
        return loss
