from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss, roc_auc_score

from recsys.evaluation.probabilities import (
    auc,
    buckets_by_score,
    entropy,
    expected_calibration_error,
    log_losses,
    placements,
    user_aucs,
)

LABELS = np.array([True, False, True, False, False])
SCORES = np.array([0.9, 0.8, 0.7, 0.7, 0.1])


def simulated(seed: int, size: int = 2_000) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels drawn from the very chances that are the scores, some of them tied."""
    random = np.random.default_rng(seed)
    scores = np.round(random.beta(1, 12, size=size), 3)
    return random.random(size) < scores, scores


def test_auc_counts_the_pairs_in_order() -> None:
    # Of 2 x 3 pairs: .9 beats three; .7 beats .1, ties with .7 for a half, loses to .8.
    assert auc(LABELS, SCORES) == pytest.approx((3 + 1.5) / 6)
    assert auc(LABELS, -SCORES) == pytest.approx(1 - 4.5 / 6)


def test_placements_are_each_ones_share_of_the_pairs() -> None:
    assert placements(LABELS, SCORES) == pytest.approx([3 / 3, 1 / 2, 1.5 / 3, 1.5 / 2, 2 / 2])
    labels, scores = simulated(1)
    placed, expected = placements(labels, scores), roc_auc_score(labels, scores)
    assert placed[labels].mean() == pytest.approx(expected)
    assert placed[~labels].mean() == pytest.approx(expected)
    assert auc(labels, scores) == pytest.approx(expected)


def test_one_class_alone_has_no_auc() -> None:
    assert math.isnan(auc(np.ones(3, dtype=bool), SCORES[:3]))
    assert math.isnan(auc(np.zeros(3, dtype=bool), SCORES[:3]))


def test_grouped_auc_weighs_users_by_impressions_and_leaves_out_those_of_one_class() -> None:
    users = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    labels = np.array([1, 0, 0, 1, 1, 0, 1, 0, 1], dtype=bool)
    scores = np.array([0.5, 0.2, 0.9, 0.1, 0.9, 0.3, 0.3, 0.1, 0.8])
    found = user_aucs(labels, scores, users, 4)
    # User 0: .5 beats .2, loses to .9. User 2: .3 ties with .3, beats .1; .8 beats both.
    assert found.aucs[[0, 2]] == pytest.approx([1 / 2, 3.5 / 4])
    assert np.isnan(found.aucs[[1, 3]]).all()
    assert found.num_impressions.tolist() == [3, 0, 4, 0]
    assert found.num_left_out == 2


def test_each_users_auc_is_that_of_scikit_learn() -> None:
    labels, scores = simulated(2)
    users = np.random.default_rng(5).integers(20, size=len(labels))
    found = user_aucs(labels, scores, users, 20)
    for user in range(20):
        mine = users == user
        assert found.aucs[user] == pytest.approx(roc_auc_score(labels[mine], scores[mine]))


def test_only_the_order_of_scores_matters_to_auc() -> None:
    labels, scores = simulated(3)
    users = np.random.default_rng(6).integers(20, size=len(labels))
    order = np.random.default_rng(7).permutation(len(labels))
    assert auc(labels, np.exp(5 * scores)) == pytest.approx(auc(labels, scores))
    assert auc(labels[order], scores[order]) == pytest.approx(auc(labels, scores))
    mixed = user_aucs(labels[order], scores[order] ** 3, users[order], 20)
    np.testing.assert_allclose(mixed.aucs, user_aucs(labels, scores, users, 20).aucs)


def test_log_loss_is_worked_out_by_hand_and_is_that_of_scikit_learn() -> None:
    losses = log_losses(np.array([True, False, False]), np.array([0.5, 0.25, 0.0]))
    assert losses == pytest.approx([math.log(2), -math.log(0.75), 0.0], abs=1e-6)
    labels, scores = simulated(4)
    single = scores.astype(np.float32).astype(np.float64)
    assert log_losses(labels, single).mean() == pytest.approx(log_loss(labels, single), rel=1e-6)


def test_what_was_held_impossible_costs_much_but_not_everything() -> None:
    losses = log_losses(np.array([True, False]), np.array([0.0, 1.0]))
    assert losses == pytest.approx(-math.log(np.finfo(np.float32).eps), rel=1e-6)


def test_the_entropy_is_the_loss_of_foretelling_the_mean() -> None:
    labels, _ = simulated(5)
    mean = float(labels.mean())
    assert entropy(mean) == pytest.approx(log_losses(labels, np.full(len(labels), mean)).mean())
    assert entropy(0.5) == pytest.approx(math.log(2))
    assert entropy(0.0) == entropy(1.0) == 0.0
    assert math.isnan(entropy(math.nan))


def test_buckets_are_those_of_scikit_learn() -> None:
    labels, scores = simulated(6)
    buckets = buckets_by_score(scores, 10)
    observed, predicted = calibration_curve(labels, scores, n_bins=10, strategy="quantile")
    present = np.unique(buckets)
    assert [scores[buckets == bucket].mean() for bucket in present] == pytest.approx(predicted)
    assert [labels[buckets == bucket].mean() for bucket in present] == pytest.approx(observed)
    assert (np.diff([scores[buckets == bucket].max() for bucket in present]) > 0).all()


def test_equal_scores_share_a_bucket() -> None:
    assert len(np.unique(buckets_by_score(np.full(50, 0.3), 10))) == 1


def test_the_calibration_error_is_the_mean_gap_of_buckets() -> None:
    labels = np.array([False, False, True, True])
    scores = np.array([0.1, 0.3, 0.6, 0.8])
    # Two buckets: .2 foretold and 0 seen, .7 foretold and 1 seen.
    assert expected_calibration_error(labels, scores, 2) == pytest.approx((0.2 + 0.3) / 2)
    assert expected_calibration_error(labels, labels.astype(float), 2) == 0.0
    honest, skewed = simulated(7, size=50_000), simulated(7, size=50_000)
    assert expected_calibration_error(*honest, 10) < 0.005
    assert expected_calibration_error(skewed[0], 2 * skewed[1], 10) > 0.05


def test_a_score_that_is_not_a_number_spoils_every_metric() -> None:
    broken = np.where(SCORES == 0.8, np.nan, SCORES)
    users = np.zeros(5, dtype=np.int64)
    assert math.isnan(auc(LABELS, broken))
    assert np.isnan(placements(LABELS, broken)).all()
    assert np.isnan(user_aucs(LABELS, broken, users, 1).aucs).all()
    assert math.isnan(log_losses(LABELS, broken).mean())
    assert math.isnan(expected_calibration_error(LABELS, broken, 2))
