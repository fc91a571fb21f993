from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from store_users import experiment_of

from recsys.config import Experiment, Metric
from recsys.experiments.power import (
    days_needed,
    detectable_lift,
    plan,
    predicted_power,
    users_needed,
)

INSTALLS = Metric(of="installs")
EXPERIMENT = Experiment.model_validate({"arms": {"control": {"share": 0.5}, "b": {"share": 0.5}}})


@pytest.mark.parametrize("ratio", [1.0, 1 / 9])
def test_the_least_lift_is_that_of_the_textbook(ratio: float) -> None:
    """1.96 + 0.84 standard errors of the difference, the treatment's deviation grown with it."""
    values = np.random.default_rng(1).gamma(1.0, 1.0, 50_000)
    lift = detectable_lift({"of": values}, 10_000, ratio, 0.05)
    num_control = 10_000 / (1 + ratio)
    spread = values.std(ddof=1) / values.mean()
    error = spread * math.sqrt(1 / num_control + (1 + lift) ** 2 / (10_000 - num_control))
    assert lift == pytest.approx((1.959964 + 0.841621) * error, rel=1e-4)


def test_the_least_lift_is_found_four_times_of_five() -> None:
    columns = {"of": np.random.default_rng(2).gamma(0.5, 1.0, 20_000)}
    lift = detectable_lift(columns, 8_000, 1.0, 0.05)
    assert predicted_power(columns, 8_000, 1.0, 0.05, lift) == pytest.approx(0.8, abs=1e-6)
    assert predicted_power(columns, 8_000, 1.0, 0.05, lift / 100) == pytest.approx(0.05, abs=0.01)


def test_where_nobody_comes_nothing_can_be_found() -> None:
    assert detectable_lift({"of": np.arange(9.0)}, 3, 1.0, 0.05) == math.inf
    assert detectable_lift({"of": np.zeros(9)}, 1_000, 1.0, 0.05) == math.inf
    assert detectable_lift({"of": np.arange(99.0) // 98}, 10, 1.0, 0.05) == math.inf


def test_more_days_find_less_and_the_past_helps() -> None:
    past = experiment_of(np.random.default_rng(3), 5_000)
    horizons = plan(past, INSTALLS, EXPERIMENT)
    lifts = [one.detectable_lift for one in horizons]
    assert lifts == sorted(lifts, reverse=True)
    assert [one.num_users for one in horizons] == [5_000] * 7
    without = plan(past, INSTALLS, EXPERIMENT, with_past=False)
    assert lifts[-1] < without[-1].detectable_lift
    assert days_needed(horizons, lifts[3]) == 4
    assert days_needed(horizons, -lifts[3]) == 4
    assert days_needed(horizons, lifts[-1] / 2) is None


def test_a_small_experiment_finds_less() -> None:
    past = experiment_of(np.random.default_rng(4), 5_000)
    small = EXPERIMENT.model_copy(update={"ramp": 0.5, "buckets": (0, 500)})
    whole, part = plan(past, INSTALLS, EXPERIMENT)[-1], plan(past, INSTALLS, small)[-1]
    assert part.num_users == whole.num_users // 4
    assert part.detectable_lift == pytest.approx(2 * whole.detectable_lift, rel=0.05)


def test_the_users_needed_are_those_of_whom_the_lift_is_the_least_that_is_found() -> None:
    past = experiment_of(np.random.default_rng(5), 5_000)
    lift = plan(past, INSTALLS, EXPERIMENT)[-1].detectable_lift
    assert users_needed(past, INSTALLS, EXPERIMENT, lift) == pytest.approx(5_000, rel=0.002)
    half = users_needed(past, INSTALLS, EXPERIMENT, lift / 2)
    assert half == pytest.approx(4 * 5_000, rel=0.1)  # the treatment's deviation grows less
    without = users_needed(past, INSTALLS, EXPERIMENT, lift, with_past=False)
    assert without > 5_000


def test_no_number_of_users_is_enough_where_nobody_installs() -> None:
    past = experiment_of(np.random.default_rng(6), 100)
    nothing = replace(past, daily={"installs": np.zeros((100, 7))})
    assert users_needed(nothing, INSTALLS, EXPERIMENT, 0.1) == math.inf
    assert all(one.detectable_lift == math.inf for one in plan(nothing, INSTALLS, EXPERIMENT))
