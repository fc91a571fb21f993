import itertools
import math
from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.distance import jensenshannon

from recsys import config
from recsys.features import distances, statistics


def of_each(columns: Sequence[Any]) -> list[Any]:
    """The statistics of columns of the same length."""
    table = ibis.memtable(pa.table({f"x{i}": values for i, values in enumerate(columns)}))
    seen = statistics.compute(config.Engine(), {"examples": table})
    return [statistics.features(seen)[f"x{i}"] for i in range(len(columns))]


def of(values: Any) -> Any:
    """The statistics of one column."""
    [found] = of_each([values])
    return found


def test_a_category_by_hand() -> None:
    before = of(["phone"] * 8 + ["tablet"] * 2)
    after = of(["phone"] * 6 + ["tablet"] * 2 + ["tv"] * 2)
    first, *others = distances.changes(before, after)
    assert first.size == pytest.approx(0.2)
    assert {change.value: change.size for change in others}["tablet"] == 0.0
    by_value = {change.value: change for change in distances.changes(before, after)}
    assert by_value["tv"].first == 0.0
    assert by_value["tv"].second == pytest.approx(0.2)


def test_without_values_there_is_no_change() -> None:
    nothing = of(pa.nulls(3, pa.string()))
    assert distances.changes(nothing, of(["a"])) == []


def test_jensen_shannon_by_hand() -> None:
    first, second = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    # The middle is (3/4, 1/4): half of log2(4/3), and half of the mean of log2(2/3) and log2(2).
    by_hand = (math.log2(4 / 3) + 0.5 * math.log2(2 / 3) + 0.5 * math.log2(2)) / 2
    assert distances.jensen_shannon(first, second) == pytest.approx(by_hand)
    assert distances.jensen_shannon(first, first) == 0.0
    assert distances.jensen_shannon(first, np.array([0.0, 1.0])) == 1.0


def test_jensen_shannon_is_scipys() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.dirichlet([0.3] * 7, size=50), rng.dirichlet([0.3] * 7, size=50)
    theirs = jensenshannon(first, second, base=2, axis=1) ** 2
    assert distances.jensen_shannon(first, second) == pytest.approx(theirs)


def exact(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """The divergence of two samples, value by value."""
    values = np.unique(np.concatenate([first, second]))
    shares = [np.array([(one == v).mean() for v in values]) for one in (first, second)]
    return float(jensenshannon(*shares, base=2) ** 2)


def test_what_is_reported_is_a_lower_bound() -> None:
    rng = np.random.default_rng(5)
    levels = np.round(rng.lognormal(size=12), 2) * rng.choice([-1, 0, 1, 1], size=12)
    samples = [rng.choice(levels, size=400, p=rng.dirichlet([0.5] * 12)) for _ in range(12)]
    described = of_each(samples)
    bounds = []
    for first, second in itertools.combinations(range(12), 2):
        bounds.append(distances.least_jensen_shannon(described[first], described[second]))
        assert 0 <= bounds[-1] <= exact(samples[first], samples[second]) + 1e-9
    assert max(bounds) > 0.2


def test_ties_at_the_edges_of_buckets_are_no_distance() -> None:
    rng = np.random.default_rng(7)
    places = [np.repeat(np.arange(1, 11), counts) for counts in ([100] * 10, [101] * 5 + [99] * 5)]
    assert distances.least_jensen_shannon(of(places[0]), of(places[1])) < 0.001
    prices = [rng.choice([0.0, 0.99, 1.99, 4.99], 5_000, p=[0.9, 0.04, 0.04, 0.02]) for _ in "ab"]
    assert distances.least_jensen_shannon(of(prices[0]), of(prices[1])) < 0.001


def test_a_unit_that_changed_is_far_even_where_most_are_zero() -> None:
    rng = np.random.default_rng(7)
    price = rng.choice([0.0, 0.99, 1.99, 4.99, 9.99], 20_000, p=[0.93, 0.02, 0.02, 0.02, 0.01])
    assert distances.least_jensen_shannon(of(price), of(price * 0.01)) > 0.02
    size = rng.lognormal(3, 1, 20_000)
    assert distances.least_jensen_shannon(of(size), of(size * 0.01)) > 0.5
    assert distances.least_jensen_shannon(of(size), of(size)) == 0.0


def test_zeros_are_counted_exactly() -> None:
    labels = [np.repeat([0, 1], counts) for counts in ((900, 100), (1_000, 0))]
    found = distances.least_jensen_shannon(of(labels[0]), of(labels[1]))
    assert found == pytest.approx(exact(labels[0], labels[1]))


def test_a_number_without_a_value_is_at_no_distance() -> None:
    nothing = of(pa.nulls(5, pa.float64()))
    assert distances.least_jensen_shannon(nothing, nothing) == 0.0
    assert distances.least_jensen_shannon(nothing, of([1.0, 2.0])) >= 0.0
