from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from store_users import experiment_of

from recsys.config import Metric
from recsys.experiments import sequential
from recsys.experiments.sequential import looks

INSTALLS = Metric(of="installs")


def test_the_boundary_is_that_of_the_published_software() -> None:
    """Values of the reference implementation in R of Howard et al., which the tests of their
    package `confseq` hold themselves against: V = 100, tuned for V = 100, alpha = 0.05."""
    rho, v = 12.60056, 100.0
    assert v / sequential.best_time(0.05) == pytest.approx(rho, abs=1e-5)
    times = np.array([v / rho])
    bound = sequential.critical_values(times, 0.05) * math.sqrt(v)
    assert bound[0] == pytest.approx(30.35209, abs=1e-4)
    log_mixture = sequential.log_mixture(np.array([10 / math.sqrt(v)]), times)
    assert log_mixture[0] == pytest.approx(-0.6510052, abs=1e-6)


def test_the_p_value_is_alpha_exactly_on_the_boundary() -> None:
    times = np.array([0.5, 1.0, 3.0, 20.0])
    for alpha in (0.1, 0.05, 0.001):
        bounds = sequential.critical_values(times, alpha)
        for place, bound in enumerate(bounds):
            z = np.where(np.arange(4) == place, bound, 0.0)
            assert sequential.always_valid_p_values(z, times)[-1] == pytest.approx(alpha)


def test_a_brownian_motion_crosses_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(8)
    path = np.cumsum(rng.standard_normal((20_000, 14)), axis=1)
    days = np.arange(1.0, 15)
    times = sequential.clock(days, 14, 0.05)
    z = np.abs(path) / np.sqrt(days)
    crossed = (z > sequential.critical_values(times, 0.05)).any(1).mean()
    assert 0.005 < crossed < 0.05
    assert (z > 1.96).any(1).mean() > 0.15  # whoever looks daily with a test for one look


def test_the_clock_has_its_best_time_on_the_horizon_and_never_runs_backwards() -> None:
    best = sequential.best_time(0.05)
    assert sequential.clock(np.arange(1.0, 15), 14, 0.05)[-1] == pytest.approx(best)
    times = sequential.clock(np.array([0.0, np.nan, 3.0, 2.0, 9.0]), 5, 0.05)
    assert np.isnan(times[:2]).all()
    assert times[2:] / best == pytest.approx([3 / 5, 3 / 5, 9 / 5])
    assert np.isnan(sequential.clock(np.zeros(3), 5, 0.05)).all()


def test_a_look_a_day_has_both_intervals() -> None:
    users = experiment_of(np.random.default_rng(9), 4_000, num_days=5, lift=0.5)
    late = replace(users, since=np.arange(len(users)) % 3)
    found = looks(late, INSTALLS, "treatment", 0.05, horizon_days=5)
    assert [look.day for look in found] == list(users.days)
    assert [look.num_users for look in found] == [1_334, 2_667, 4_000, 4_000, 4_000]
    for look in found:
        once, always = look.once.lift_interval, look.always_valid.lift_interval
        assert always[0] < once[0] < look.once.lift < once[1] < always[1]
        assert look.always_valid.p_value >= look.once.p_value
    p_values = [look.always_valid.p_value for look in found]
    assert p_values == sorted(p_values, reverse=True)
    assert p_values[-1] < 0.05


def test_users_seen_again_each_day_do_not_break_the_promise() -> None:
    """Strong habits: most of what differs between users is there on every day."""
    rng = np.random.default_rng(10)
    always, once = 0, 0
    for _ in range(100):
        users = experiment_of(rng, 400, num_days=5)
        found = looks(users, INSTALLS, "treatment", 0.05, horizon_days=5)
        always += found[-1].always_valid.p_value <= 0.05
        once += min(look.once.p_value for look in found) <= 0.05
    assert always <= 5
    assert once > always


def test_with_the_past_the_intervals_of_all_days_are_narrower() -> None:
    users = experiment_of(np.random.default_rng(11), 5_000)
    raw = looks(users, INSTALLS, "treatment", 0.05, 7)
    cuped = looks(users, INSTALLS, "treatment", 0.05, 7, with_past=True)
    for one, other in zip(raw, cuped, strict=True):
        assert np.ptp(other.always_valid.lift_interval) < np.ptp(one.always_valid.lift_interval)


def test_days_on_which_nothing_happened_find_nothing() -> None:
    users = experiment_of(np.random.default_rng(12), 500)
    quiet = {name: values * (np.arange(7) > 2) for name, values in users.daily.items()}
    found = looks(replace(users, daily=quiet), INSTALLS, "treatment", 0.05, 7)
    assert [look.always_valid.p_value for look in found[:3]] == [1.0, 1.0, 1.0]
    assert math.isnan(found[0].always_valid.lift_interval[0])
    assert math.isfinite(found[-1].always_valid.lift_interval[0])
