from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from recsys.bundle import Bundle
from recsys.evaluation.impressions import Impressions, calibration, ranking_metrics, scores
from recsys.evaluation.intervals import resampled
from recsys.evaluation.slices import Asked
from recsys.recommender import Query, Recommender


def simulated(
    seed: int, num_users: int = 200
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    """Labels, scores and users of impressions; users differ in how many and how good they are."""
    random = np.random.default_rng(seed)
    users = np.repeat(np.arange(num_users), random.integers(1, 15, size=num_users))
    chances = 1 / (1 + np.exp(2 - random.normal(0, 1, num_users)[users]))
    labels = random.random(len(users)) < chances
    scored = 1 / (1 + np.exp(2 - random.normal(labels, 1)))
    return labels, scored, users + 1_000


def test_metrics_are_those_of_scikit_learn() -> None:
    labels, scored, users = simulated(1)
    metrics = {name: ratio.value for name, ratio in ranking_metrics(labels, scored, users).items()}
    loss = log_loss(labels, scored)
    assert metrics["ranking_auc"] == pytest.approx(roc_auc_score(labels, scored))
    assert metrics["ranking_log_loss"] == pytest.approx(loss)
    mean = np.full(len(labels), labels.mean())
    assert metrics["ranking_normalised_entropy"] == pytest.approx(loss / log_loss(labels, mean))
    assert metrics["ranking_calibration"] == pytest.approx(scored.sum() / labels.sum())
    own = [
        (roc_auc_score(labels[mine], scored[mine]), mine.sum())
        for mine in (users == user for user in np.unique(users))
        if 0 < labels[mine].sum() < mine.sum()
    ]
    aucs, counts = np.array(own).T
    grouped = (aucs * counts).sum() / counts.sum()
    assert metrics["ranking_grouped_auc"] == pytest.approx(grouped)


def test_resampling_an_auc_by_user_is_as_wide_as_computing_it_anew_each_time() -> None:
    labels, scored, users = simulated(2)
    ratio = ranking_metrics(labels, scored, users)["ranking_auc"]
    quick = resampled([ratio], seed=1, num_resamples=2_000)[:, 0]
    random = np.random.default_rng(2)
    rows = [np.flatnonzero(users == user) for user in np.unique(users)]
    slow = []
    for _ in range(200):
        drawn = np.concatenate([rows[user] for user in random.integers(len(rows), size=len(rows))])
        slow.append(roc_auc_score(labels[drawn], scored[drawn]))
    assert quick.std() == pytest.approx(np.std(slow), rel=0.15)
    assert quick.mean() == pytest.approx(np.mean(slow), abs=0.2 * quick.std())
    # Users hang together, so impressions drawn by themselves would look surer than they are.
    alone = ranking_metrics(labels, scored, np.arange(len(labels)))["ranking_auc"]
    assert resampled([alone], seed=1, num_resamples=2_000).std() < quick.std()


def test_a_score_that_is_no_number_makes_no_metric_a_number() -> None:
    labels, scored, users = simulated(3)
    scored[5] = np.nan
    for name, ratio in ranking_metrics(labels, scored, users).items():
        assert math.isnan(ratio.value), name
    assert calibration(labels, scored, users) == []


def test_calibration_has_every_impression_once_in_buckets_that_rise() -> None:
    labels, scored, users = simulated(4)
    buckets = calibration(labels, scored, users)
    assert sum(predicted.below.sum() for predicted, _ in buckets) == len(labels)
    means = [predicted.value for predicted, _ in buckets]
    assert len(means) == 10 and means == sorted(means)
    weights = [observed.below.sum() for _, observed in buckets]
    shares = [observed.value for _, observed in buckets]
    assert np.average(shares, weights=weights) == pytest.approx(labels.mean())


def test_scores_are_those_of_the_served_path(
    tiny_bundle: Bundle, tiny_recommender: Recommender
) -> None:
    time = dt.datetime(2024, 3, 3, 18, tzinfo=dt.UTC)
    context = {"country": "US", "language": "en", "device": "phone", "surface": "home"}
    query = Query("u", time, context, tiny_recommender.catalogue.app_ids(np.arange(3)), k=5)
    [page] = tiny_recommender.recommend([query])
    apps = [tiny_recommender.catalogue.app(item.app_id) for item in page.items]
    queries = {**context, "time": time, "installed_app_ids": query.installed_app_ids}
    asked = Asked({}, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.bool_))
    rows = pa.Table.from_pylist([{**app, "query_row": 0, "installed": False} for app in apps])
    shown = Impressions(pa.Table.from_pylist([queries]), rows, np.zeros(1, np.int64), asked)
    # The days know no age band: that feature is missing here as it is in the query.
    served = [item.score for item in page.items]
    assert scores(tiny_bundle, shown) == pytest.approx(served, rel=1e-5)
