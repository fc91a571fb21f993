from __future__ import annotations

import math

import numpy as np
import pytest

from recsys.experiments.pairs import paired


def test_by_hand() -> None:
    found = paired(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0]))
    assert (found.control, found.treatment, found.difference) == (2.0, 3.0, 1.0)
    assert found.lift == 0.5
    low, high = found.difference_interval
    assert (low + high) / 2 == pytest.approx(1.0)
    assert (high - low) / 2 == pytest.approx(1.959964 / math.sqrt(3))  # a deviation of 1
    assert found.p_value == pytest.approx(2 * 0.5 * math.erfc(math.sqrt(3) / math.sqrt(2)))


def test_the_same_twice_is_no_difference_at_all() -> None:
    values = np.random.default_rng(0).poisson(2.0, 100).astype(np.float64)
    found = paired(values, values)
    assert found.difference == found.lift == 0 and found.p_value == 1
    assert found.lift_interval == (0, 0)


def test_intervals_cover_the_lift() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        prone = rng.gamma(2.0, 1.0, 500)
        control = rng.poisson(prone).astype(np.float64)
        treatment = control + rng.poisson(0.2 * prone)
        low, high = paired(control, treatment).lift_interval
        covered += low <= 0.2 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_nothing_done_has_no_lift() -> None:
    found = paired(np.zeros(3), np.zeros(3))
    assert found.difference == 0 and math.isnan(found.lift)
