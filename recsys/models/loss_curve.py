"""The loss while a model is trained: its training curve, here and in TensorBoard.

Each batch's loss is taken before the step that learns from it. So in the first pass over the
examples it says how well the model foretells what it has not seen yet (progressive validation, Blum
et al., COLT 1999); later passes know the answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

NUM_POINTS = 20
"""Of a whole training, where it has as many batches."""

_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
)


class LossPoint(NamedTuple):
    """The mean loss of the batches since the point before."""

    num_examples: int
    """Seen until then, each epoch's again."""
    loss: float


class LossCurve(tf.keras.callbacks.Callback):  # type: ignore[misc]
    """Writes down the loss after equal parts of every epoch.

    A smaller batch at an epoch's end is left out where there are others: it has fewer negatives,
    and so a loss of its own.
    """

    def __init__(self, examples_per_epoch: int, batch_size: int) -> None:
        super().__init__()
        self._examples_per_epoch, self._batch_size = examples_per_epoch, batch_size
        self._num_batches = max(1, examples_per_epoch // batch_size)
        self.points: list[LossPoint] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keras calls it before the first batch of an epoch."""
        self._seen = epoch * self._examples_per_epoch
        self._num_parts, self._num_before, self._sum_before = 0, 0, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras calls it after each batch, with the mean loss of the epoch until then."""
        num = batch + 1
        num_parts = num * math.ceil(NUM_POINTS / self.params["epochs"]) // self._num_batches
        if num_parts == self._num_parts or num > self._num_batches:
            return
        total = num * float(logs["mean_loss"])
        loss = (total - self._sum_before) / (num - self._num_before)
        seen = min(num * self._batch_size, self._examples_per_epoch)
        self.points.append(LossPoint(self._seen + seen, loss))
        self._num_parts, self._num_before, self._sum_before = num_parts, num, total


def save_for_tensorboard(points: Sequence[LossPoint], folder: Path) -> None:
    """Writes the curve as TensorBoard's scalar `loss`, a step being an example.

    `tf.summary.scalar` does the same, but is a part of TensorBoard, which TensorFlow no longer
    brings along.
    """
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for point in points:
            tf.summary.write("loss", point.loss, step=point.num_examples, metadata=_SCALAR)
    writer.close()
