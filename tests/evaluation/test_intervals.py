from __future__ import annotations

import math

import numpy as np
import pytest

from recsys.evaluation.intervals import Ratio, interval, resampled

VALUES = np.random.default_rng(0).normal(3, 2, size=2_000)


def test_the_interval_of_a_mean_is_the_normal_one_for_many_users() -> None:
    values = resampled([Ratio.mean(VALUES)], seed=1, num_resamples=1_000)[:, 0]
    low, high = interval(values)
    error = VALUES.std() / math.sqrt(len(VALUES))
    assert low == pytest.approx(VALUES.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(VALUES.mean() + 1.96 * error, abs=0.25 * error)
    narrow = interval(values, level=0.5)
    assert low < narrow[0] < VALUES.mean() < narrow[1] < high


def test_a_seed_makes_the_same_resamples_for_every_metric() -> None:
    ratios = [Ratio.mean(VALUES), Ratio.mean(VALUES + 1)]
    values = resampled(ratios, seed=1, num_resamples=200)
    assert values[:, 1] == pytest.approx(values[:, 0] + 1)
    again = resampled(ratios[:1], seed=1, num_resamples=200)
    assert again[:, 0] == pytest.approx(values[:, 0])
    assert not np.allclose(resampled(ratios, seed=2, num_resamples=200), values)


def test_many_users_are_resampled_in_pieces_of_the_same_draws() -> None:
    ratio = Ratio.mean(np.arange(700_000, dtype=np.float64))
    values = resampled([ratio], seed=3, num_resamples=5)[:, 0]
    assert len(np.unique(values)) == 5
    assert values == pytest.approx(ratio.value, rel=0.01)


def test_a_ratio_is_resampled_by_its_sums() -> None:
    installs, impressions = np.array([1.0, 0.0, 3.0]), np.array([10.0, 20.0, 5.0])
    ratio = Ratio(installs, impressions)
    assert ratio.value == pytest.approx(4 / 35)
    values = resampled([ratio], seed=0, num_resamples=300)[:, 0]
    # Whichever users are drawn, the ratio is that of their sums.
    draws = np.array(np.meshgrid(*[range(3)] * 3)).reshape(3, -1)
    possible = installs[draws].sum(axis=0) / impressions[draws].sum(axis=0)
    assert np.isclose(values[:, None], possible).any(axis=1).all()
    assert len(np.unique(values.round(9))) > 5


def test_users_whom_a_metric_leaves_out_change_nothing() -> None:
    some = Ratio.mean(np.array([0.2, math.nan, 0.4, math.nan, 0.9]))
    assert some.value == pytest.approx(0.5)
    without = Ratio.mean(np.array([0.2, 0.4, 0.9]))
    assert resampled([some], 4, 100) == pytest.approx(resampled([without], 4, 100))


def test_the_interval_of_a_constant_is_that_constant() -> None:
    for values in (np.full(7, 0.25), np.array([0.25])):
        assert interval(resampled([Ratio.mean(values)], 0, 100)[:, 0]) == (0.25, 0.25)


def test_what_is_no_number_stays_so() -> None:
    broken = Ratio(np.array([1.0, math.nan]), np.ones(2))
    assert math.isnan(broken.value)
    assert all(map(math.isnan, interval(resampled([broken], 0, 100)[:, 0])))
    nobody = Ratio(np.zeros(3), np.zeros(3))
    assert math.isnan(nobody.value)
    assert all(map(math.isnan, interval(resampled([nobody], 0, 100)[:, 0])))
