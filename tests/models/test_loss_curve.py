from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import toy_features

from recsys.config import Config, Ranking, Retrieval
from recsys.models import loss_curve, training
from recsys.models.loss_curve import LossCurve, LossPoint


def curve(num_epochs: int, losses: list[float], examples_per_epoch: int) -> list[LossPoint]:
    """The curve of a training whose batches of ten have these losses, in every epoch."""
    watch = LossCurve(examples_per_epoch, batch_size=10)
    watch.set_params({"epochs": num_epochs, "steps": len(losses)})
    for epoch in range(num_epochs):
        watch.on_epoch_begin(epoch)
        for batch in range(len(losses)):
            watch.on_train_batch_end(batch, {"mean_loss": np.mean(losses[: batch + 1])})
    return watch.points


def test_each_point_is_the_mean_of_the_batches_since_the_one_before() -> None:
    losses = [float(100 - number) for number in range(40)]
    points = curve(1, losses, 400)
    assert len(points) == loss_curve.NUM_POINTS
    np.testing.assert_allclose(points[0], (20, 99.5))
    np.testing.assert_allclose(points[-1], (400, 61.5))
    assert [point.num_examples for point in points] == list(range(20, 401, 20))


def test_no_point_spans_two_epochs() -> None:
    points = curve(3, [5.0, 4.0, 3.0], 30)
    assert [tuple(point) for point in points[:3]] == [(10, 5.0), (20, 4.0), (30, 3.0)]
    assert [point.num_examples for point in points] == list(range(10, 91, 10))
    many = curve(3, [float(number) for number in range(100)], 1_000)
    assert {1_000, 2_000, 3_000} <= {point.num_examples for point in many}


def test_a_smaller_batch_at_the_end_is_left_out_where_there_are_others() -> None:
    points = curve(2, [5.0, 4.0, 1.0], 23)
    assert [tuple(point) for point in points] == [(10, 5.0), (20, 4.0), (33, 5.0), (43, 4.0)]
    assert [tuple(point) for point in curve(1, [5.0], 7)] == [(7, 5.0)]


def test_a_training_has_a_curve_whose_mean_is_the_loss_of_its_epoch() -> None:
    config = Config(
        retrieval=Retrieval(
            batch_size=32, num_hidden_apps=8, num_uniform_negatives=4, num_epochs=2
        ),
        ranking=Ranking(hidden_units=(4,), num_epochs=1, batch_size=64),
    )
    examples, fitted = toy_features.examples(256), toy_features.fitted()
    towers = training.train_retrieval(examples, fitted, None, config)
    ranker = training.train_ranking(
        examples, training.vectors_of(towers.model, examples), fitted, None, config
    )
    for trained, batches_per_epoch in ((towers, 8), (ranker, 8)):
        assert trained.curve[-1].num_examples == trained.num_examples
        by_epoch = np.split(np.array(trained.curve)[:, 1], len(trained.losses))
        assert all(len(points) == batches_per_epoch for points in by_epoch)
        assert np.mean(by_epoch, axis=1) == pytest.approx(trained.losses, rel=1e-4)


def test_tensorboard_reads_the_curve_as_a_scalar(tmp_path: Path) -> None:
    points = [LossPoint(10, 0.5), LossPoint(20, float("nan")), LossPoint(30, 0.25)]
    loss_curve.save_for_tensorboard(points, tmp_path)
    [file] = tmp_path.iterdir()
    assert "tfevents" in file.name  # by which TensorBoard finds it
    assert [event[:2] for event in events(file)] == [
        ("loss", "scalars"),
        ("loss", "scalars"),
        ("loss", "scalars"),
    ]
    np.testing.assert_array_equal([event[2:] for event in events(file)], points)


def events(file: Path) -> list[tuple[Any, ...]]:
    """Tag, plugin, step and value of everything that a file of events holds."""
    found = []
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            found.append((value.tag, plugin, event.step, float(tf.make_ndarray(value.tensor))))
    return found
