"""Figures of tables that are too large for exact ones: how far they are off."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recsys import config, engine
from recsys.features import statistics
from recsys.features.statistics import sampling

ENGINE = config.Engine()
NUM_ROWS = 2_500_000
NUM_IDS = 1_500_000


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    """Numbers with a heavy tail, with many ties, and of a wide range; ids of which most occur once
    and some often; a small vocabulary."""
    rng = np.random.default_rng(3)
    ids = rng.permutation(np.concatenate([np.arange(NUM_IDS), np.zeros(NUM_ROWS - NUM_IDS, int)]))
    often = (ids == 0) * rng.integers(0, 100, NUM_ROWS)
    return {
        "heavy": rng.pareto(0.8, NUM_ROWS),
        "tied": np.where(rng.random(NUM_ROWS) < 0.7, 0.0, rng.lognormal(size=NUM_ROWS)),
        "wide": rng.integers(0, 10**9, NUM_ROWS) ** 2,
        "user_id": np.where(ids > 0, ids, -often - 1),
        "country": rng.zipf(1.5, NUM_ROWS) % 500,
    }


@pytest.fixture(scope="module")
def found(columns: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("many") / "examples.parquet"
    texts = {"user_id", "country"}
    arrays = {n: pa.array(v).cast(pa.string()) if n in texts else v for n, v in columns.items()}
    pq.write_table(pa.table(arrays), path)
    tables = {"examples": engine.read_parquet(ENGINE, [path])}
    yield statistics.features(statistics.compute(ENGINE, tables))
    path.unlink()


@pytest.mark.parametrize("name", ["heavy", "tied", "wide"])
def test_quantiles_are_off_by_a_small_share_of_rows(
    columns: dict[str, Any], found: Any, name: str
) -> None:
    values = columns[name]
    estimates = statistics.quantiles(found[name])
    assert (estimates[0], estimates[-1]) == (values.min(), values.max())
    for rank, estimate in zip(np.linspace(0, 1, len(estimates)), estimates, strict=True):
        assert (values < estimate).mean() <= rank + sampling.QUANTILE_RANK_ERROR
        assert (values <= estimate).mean() >= rank - sampling.QUANTILE_RANK_ERROR


@pytest.mark.parametrize("name", ["heavy", "tied", "wide"])
def test_all_other_figures_of_numbers_are_exact(
    columns: dict[str, Any], found: Any, name: str
) -> None:
    values = columns[name].astype(np.float64)
    numbers = found[name].num_stats
    assert numbers.mean == pytest.approx(values.mean())
    assert numbers.std_dev == pytest.approx(values.std())
    assert numbers.num_zeros == (values == 0).sum()
    spread = statistics.histogram(found[name])
    assert spread is not None
    assert spread.counts == tuple(np.histogram(values, 10)[0])


def test_many_distinct_values_are_estimated_within_the_bound(
    columns: dict[str, Any], found: Any
) -> None:
    exact = len(np.unique(columns["user_id"]))
    estimate = found["user_id"].string_stats.unique
    assert estimate != exact  # or this test shows nothing
    assert abs(estimate / exact - 1) <= sampling.DISTINCT_ERROR
    lengths = pc.utf8_length(pa.array(columns["user_id"]).cast(pa.string()))
    mean = pc.mean(lengths).as_py()
    assert found["user_id"].string_stats.avg_length == pytest.approx(mean)


def test_what_is_frequent_among_many_values_is_found_and_counted_exactly(
    columns: dict[str, Any], found: Any
) -> None:
    values, nums = np.unique(columns["user_id"], return_counts=True)
    frequent = nums >= sampling.SURELY_FOUND * NUM_ROWS
    assert frequent.sum() == 100
    expected = dict(zip(values[frequent].astype(str), nums[frequent].tolist(), strict=True))
    counted = statistics.value_counts(found["user_id"])
    assert expected.items() <= counted.items()
    assert set(list(counted)[: len(expected)]) == set(expected)


def test_a_small_vocabulary_is_counted_exactly(columns: dict[str, Any], found: Any) -> None:
    values, nums = np.unique(columns["country"], return_counts=True)
    assert found["country"].string_stats.unique == len(values)
    expected = dict(zip(values.astype(str), nums.tolist(), strict=True))
    assert statistics.value_counts(found["country"]) == expected


@pytest.mark.parametrize("exponent", [1.1, 1.5, 3.0])
def test_a_sample_bounds_how_many_distinct_values_there_may_be(exponent: float) -> None:
    rng = np.random.default_rng(5)
    values = rng.zipf(exponent, 400_000)
    sample, nums = np.unique(values[:40_000], return_counts=True)
    bound = sampling.most_distinct(len(sample), int((nums == 1).sum()), ratio=10)
    assert len(sample) <= len(np.unique(values)) <= bound
