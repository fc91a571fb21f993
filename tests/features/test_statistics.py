import datetime as dt
import math
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys import config
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


def test_lists_by_hand() -> None:
    column = pa.array([["a", "b", "a"], [], None, ["b"]], pa.list_(pa.string()))
    apps = compute(installed_app_ids=column)["installed_app_ids"]
    common = statistics.common(apps)
    assert (common.num_non_missing, common.num_missing) == (2, 2)
    assert (common.min_num_values, common.max_num_values, common.tot_num_values) == (1, 3, 4)
    assert common.avg_num_values == 2.0
    assert statistics.value_counts(apps) == {"a": 2, "b": 2}


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


def test_many_rows_agree_with_numpy(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = rng.lognormal(size=50_000)
    numbers = compute(x=values)["x"].num_stats
    assert numbers.mean == pytest.approx(values.mean())
    assert numbers.std_dev == pytest.approx(values.std())
    assert (numbers.min, numbers.max) == (values.min(), values.max())


def test_saved_statistics_are_the_same(tmp_path: Path) -> None:
    tables = {"examples": ibis.memtable(pa.table({"x": [1.0, 2.0], "y": ["a", "b"]}))}
    computed = statistics.compute(ENGINE, tables)
    statistics.save(computed, tmp_path / "statistics.pb")
    assert statistics.load(tmp_path / "statistics.pb") == computed
