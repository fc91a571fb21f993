import datetime as dt
import math
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys import config, engine
from recsys.features import statistics

ENGINE = config.Engine()
TYPES = statistics_pb2.FeatureNameStatistics


def compute(**columns: Any) -> dict[str, Any]:
    table = ibis.memtable(pa.table(columns))
    return statistics.features(statistics.compute(ENGINE, {"examples": table}))


def test_numbers_by_hand() -> None:
    price = compute(price=[0.0, 0.0, 2.0, 6.0, None])["price"]
    assert price.type == TYPES.FLOAT
    common = statistics.common(price)
    assert (common.num_non_missing, common.num_missing) == (4, 1)
    assert (common.min_num_values, common.max_num_values, common.tot_num_values) == (1, 1, 4)
    numbers = price.num_stats
    assert (numbers.mean, numbers.min, numbers.max, numbers.num_zeros) == (2.0, 0.0, 6.0, 2)
    assert numbers.std_dev == pytest.approx(math.sqrt((4 + 4 + 0 + 16) / 4))


def test_nan_and_infinity_are_counted_and_kept_out_of_the_mean() -> None:
    nan, inf = float("nan"), float("inf")
    price = compute(price=[1.0, 3.0, nan, nan, inf, -inf])["price"]
    assert price.num_stats.mean == 2.0
    assert price.num_stats.histograms[0].num_nan == 2
    assert statistics.custom(price)[statistics.NUM_INFINITE] == 2
    assert (price.num_stats.min, price.num_stats.max) == (-inf, inf)


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_nan_is_seen_though_a_file_denies_it(tmp_path: Path, kind: pa.DataType) -> None:
    """PyArrow leaves NaN out of the least and greatest value that it writes for a column."""
    values = pa.array([0.0, 4.0, math.nan, math.inf, None, 2.0], kind)
    pq.write_table(pa.table({"price": values}), tmp_path / "examples.parquet")
    read = engine.read_parquet(ENGINE, [tmp_path / "examples.parquet"])
    price = statistics.features(statistics.compute(ENGINE, {"examples": read}))["price"]
    numbers = price.num_stats
    assert [(each.num_nan, each.num_undefined) for each in numbers.histograms] == [(1, 1), (1, 1)]
    assert (numbers.mean, numbers.min, numbers.max, numbers.num_zeros) == (2.0, 0.0, math.inf, 1)
    assert statistics.quantiles(price)[::10] == (0.0, 2.0, 4.0)
    assert sum(bucket.sample_count for bucket in numbers.histograms[0].buckets) == 3


def test_buckets_and_quantiles_by_hand() -> None:
    found = compute(price=[0.0, 1.0, 1.0, 10.0, None], position=[1, 2, 3, 4, 5])
    spread = statistics.histogram(found["price"])
    assert spread is not None
    assert list(spread.edges) == list(range(11))
    assert list(spread.counts) == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]
    positions = statistics.quantiles(found["position"])
    assert (positions[0], positions[5], positions[10], positions[20]) == (1, 2, 3, 5)
    assert found["position"].num_stats.median == 3
    constant = statistics.histogram(compute(price=[2.5, 2.5])["price"])
    assert constant == statistics.Histogram((2.5, 2.5), (2,))


def test_truth_values_are_zeros_and_ones() -> None:
    installed = compute(installed=[True, False, False, None, False])["installed"]
    numbers = installed.num_stats
    assert (numbers.mean, numbers.num_zeros, numbers.min, numbers.max) == (0.25, 3, 0, 1)
    assert numbers.std_dev == pytest.approx(math.sqrt(0.25 * 0.75))
    assert [bucket.sample_count for bucket in numbers.histograms[0].buckets] == [3, *[0] * 8, 1]
    never = compute(installed=[False, False])["installed"].num_stats
    assert (never.mean, never.num_zeros, never.max) == (0, 2, 0)


def test_numbers_whose_squares_are_no_doubles_are_described() -> None:
    numbers = compute(price=[-1e308, 1.0, 3.0, 1e308])["price"].num_stats
    assert (numbers.min, numbers.max) == (-1e308, 1e308)
    assert (numbers.mean, numbers.std_dev) == (2.0, 1.0)
    assert numbers.median == pytest.approx(2.0)


def test_integers_truth_values_and_times_are_integers() -> None:
    noon = dt.datetime(1970, 1, 2, 12, tzinfo=dt.UTC)
    found = compute(
        position=[1, 2, 3],
        installed=[True, False, False],
        time=[noon, noon, noon + dt.timedelta(seconds=3)],
        day=[dt.date(1970, 1, 2)] * 3,
    )
    assert {feature.type for feature in found.values()} == {TYPES.INT}
    assert found["installed"].num_stats.mean == pytest.approx(1 / 3)
    assert found["installed"].num_stats.num_zeros == 2
    assert (found["time"].num_stats.min, found["time"].num_stats.max) == (129_600, 129_603)
    assert found["day"].num_stats.mean == 86_400


def test_strings_by_hand() -> None:
    country = compute(country=["DE", "US", "US", None, "", "USA", "US"])["country"]
    assert country.type == TYPES.STRING
    assert statistics.common(country).num_missing == 1
    assert country.string_stats.unique == 4
    assert country.string_stats.avg_length == pytest.approx((2 * 4 + 3 + 0) / 6)
    assert statistics.value_counts(country) == {"US": 3, "": 1, "DE": 1, "USA": 1}
    assert [top.value for top in country.string_stats.top_values][:2] == ["US", ""]
    figures = statistics.custom(country)
    assert (figures["min_length"], figures["max_length"]) == (0, 3)


def test_lists_by_hand() -> None:
    column = pa.array([["a", "b", "a"], [], None, ["b"]], pa.list_(pa.string()))
    apps = compute(installed_app_ids=column)["installed_app_ids"]
    common = statistics.common(apps)
    assert (common.num_non_missing, common.num_missing) == (2, 2)
    assert (common.min_num_values, common.max_num_values, common.tot_num_values) == (1, 3, 4)
    assert common.avg_num_values == 2.0
    assert statistics.value_counts(apps) == {"a": 2, "b": 2}
    assert statistics.num_values_quantiles(apps)[::20] == (1, 3)


def test_integers_of_any_width_are_numbers() -> None:
    ids = compute(key=pa.array([2**64 - 2, 2**64 - 2, 0, None], pa.uint64()))["key"]
    assert (ids.type, ids.num_stats.max, ids.num_stats.num_zeros) == (TYPES.INT, 2.0**64, 1)
    near = compute(key=pa.array([2**64 - 4_096, 2**64 - 2_048], pa.uint64()))["key"]
    assert near.num_stats.mean == 2.0**64 - 3_072


def test_lists_of_numbers_have_the_figures_of_their_values() -> None:
    column = pa.array([[1.0, math.nan], [], None, [3.0]], pa.list_(pa.float64()))
    scores = compute(scores=column)["scores"]
    assert scores.type == TYPES.FLOAT
    assert statistics.common(scores).num_non_missing == 2
    assert (scores.num_stats.mean, scores.num_stats.histograms[0].num_nan) == (2.0, 1)


def test_whatever_else_a_log_holds_is_described_as_text() -> None:
    found = compute(raw=[b"ab", b"ab", None], pair=[{"x": 1}, {"x": 2}, {"x": 2}])
    assert {feature.type for feature in found.values()} == {TYPES.STRING}
    assert statistics.value_counts(found["raw"]) == {"ab": 2}
    assert found["pair"].string_stats.unique == 2


def test_only_the_most_frequent_values_are_counted() -> None:
    ids = [f"id{i:04}" for i in range(1_500)] + ["id0007"]
    found = compute(app_id=ids)["app_id"]
    assert found.string_stats.unique == 1_500
    counts = statistics.value_counts(found)
    assert len(counts) == statistics.NUM_RANKED_VALUES
    assert next(iter(counts.items())) == ("id0007", 2)


def test_an_empty_table_and_an_empty_column_have_statistics() -> None:
    schema = pa.schema([("price", pa.float32()), ("country", pa.string())])
    empty = ibis.memtable(schema.empty_table())
    found = statistics.compute(ENGINE, {"examples": empty})
    assert found.datasets[0].num_examples == 0
    missing = compute(country=pa.nulls(3, pa.string()))["country"]
    assert statistics.common(missing).num_missing == 3
    assert missing.string_stats.unique == 0


def test_many_rows_agree_with_numpy() -> None:
    rng = np.random.default_rng(1)
    columns = {
        "skewed": rng.lognormal(sigma=2, size=50_000),
        "narrow": rng.integers(-20, 3_000, 50_000),
        "wide": rng.integers(-(10**12), 10**12, 50_000),
    }
    found = compute(**columns)
    for name, values in columns.items():
        numbers = found[name].num_stats
        assert numbers.mean == pytest.approx(values.mean())
        assert numbers.std_dev == pytest.approx(values.std())
        assert (numbers.min, numbers.max) == (values.min(), values.max())
        assert numbers.num_zeros == (values == 0).sum()
        counts, edges = np.histogram(values, 10)
        spread = statistics.histogram(found[name])
        assert spread is not None
        assert spread.edges == pytest.approx(tuple(edges))
        assert spread.counts == tuple(counts)
        ranks = np.linspace(0, 1, 21)
        assert statistics.quantiles(found[name]) == pytest.approx(np.quantile(values, ranks))


def test_saved_statistics_are_the_same(tmp_path: Path) -> None:
    tables = {"examples": ibis.memtable(pa.table({"x": [1.0, 2.0], "y": ["a", "b"]}))}
    computed = statistics.compute(ENGINE, tables)
    statistics.save(computed, tmp_path / "statistics.pb")
    assert statistics.load(tmp_path / "statistics.pb") == computed
