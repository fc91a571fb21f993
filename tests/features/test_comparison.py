from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys import config, engine
from recsys.config import Feature
from recsys.features.comparison import compare
from recsys.features.skew import FeatureSkew

SETTINGS = config.Engine()
CATEGORY = Feature(table="requests", kind="category", models=())
NUMBER = Feature(table="users", kind="number", models=())
HOUR = Feature(table="requests", kind="hour", models=())
LIST = Feature(table="users", kind="categories", models=(), max_length=2)
STRINGS = pa.list_(pa.string())


def at(*when: int) -> dt.datetime:
    return dt.datetime(*when, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]


def compared(
    folder: Path, feature: Feature, served: pa.Array, trained: pa.Array, tolerance: float = 0.2
) -> FeatureSkew:
    """Compares values of the same requests."""
    ids = [f"r{number:02d}" for number in range(len(served))]
    one = written(folder / "one.parquet", pa.table({"request_id": ids, "x": served}))
    other = written(folder / "other.parquet", pa.table({"request_id": ids, "x": trained}))
    num_joined, skews = compare(SETTINGS, one, other, ["request_id"], {"x": feature}, tolerance)
    assert num_joined == len(served)
    return skews["x"]


def written(path: Path, table: pa.Table) -> ir.Table:
    pq.write_table(table, path)
    return engine.read_parquet(SETTINGS, [path])


def counts(skew: FeatureSkew) -> tuple[int, int, int]:
    return skew.num_differing, skew.num_missing_served, skew.num_missing_trained


def told(skew: FeatureSkew) -> list[tuple[Any, Any]]:
    return [(one.served, one.trained) for one in skew.examples]


def test_texts_are_equal_to_the_letter(tmp_path: Path) -> None:
    served = pa.array(["NO", "no", None, "", "US", None])
    trained = pa.array(["NO", "NO", "BR", "BR", None, ""])
    skew = compared(tmp_path, CATEGORY, served, trained)
    assert counts(skew) == (4, 2, 1)
    assert told(skew) == [("no", "NO"), (None, "BR"), (None, "BR"), ("US", None)]
    assert (skew.num_served, skew.num_trained) == (3, 4)
    assert [one.request_id for one in skew.examples] == ["r01", "r02", "r03", "r04"]


def test_a_text_that_was_a_number_is_compared_as_one(tmp_path: Path) -> None:
    skew = compared(tmp_path, CATEGORY, pa.array(["7", "8", None]), pa.array([7.0, 9.0, math.nan]))
    assert counts(skew) == (1, 0, 0)


@pytest.mark.parametrize("width", [pa.float32(), pa.float64()])
def test_numbers_may_differ_by_a_share_of_themselves(tmp_path: Path, width: pa.DataType) -> None:
    served = [1.0, 1.0, -1.0, 0.0, 0.0, None, 5.0, 5.0, math.inf, math.inf]
    trained = [1.2, 1.3, 1.0, 0.0, 0.1, 3.0, None, math.nan, math.inf, 1.0]
    skew = compared(tmp_path, NUMBER, pa.array(served, pa.float64()), pa.array(trained, width))
    assert counts(skew) == (7, 1, 2)
    assert told(skew)[0] == (1.0, pytest.approx(1.3))


def test_rounding_to_what_a_model_takes_is_no_difference(tmp_path: Path) -> None:
    served = pa.array([2.99, 1e9 + 1], pa.float32()).cast(pa.float64())
    trained = pa.array([2.99, 1e9 + 1], pa.float64())
    assert counts(compared(tmp_path, NUMBER, served, trained, tolerance=0)) == (0, 0, 0)
    assert counts(compared(tmp_path, NUMBER, served, pa.array([3.0, 1e9]), tolerance=0)) == (
        1,
        0,
        0,
    )


def test_lists_are_equal_in_order_as_far_as_they_are_read(tmp_path: Path) -> None:
    served = [["b", "c"], ["b", "a"], ["a"], [], None, ["a"], ["a", ""]]
    trained = [["a", "b", "c"], ["a", "b"], ["a", "a"], None, ["a"], [], ["a", None]]
    skew = compared(tmp_path, LIST, pa.array(served, STRINGS), pa.array(trained, STRINGS))
    assert counts(skew) == (4, 1, 1)
    assert told(skew)[0] == (["b", "a"], ["a", "b"])


def test_times_are_equal_to_the_second(tmp_path: Path) -> None:
    type_ = pa.timestamp("us", "UTC")
    served = pa.array([at(2024, 3, 1, 12), at(2024, 3, 1, 12), None], type_)
    late = at(2024, 3, 1, 12).replace(microsecond=999_999)
    trained = pa.array([late, at(2024, 3, 1, 13), at(2024, 3, 1)], type_)
    skew = compared(tmp_path, HOUR, served, trained)
    assert counts(skew) == (2, 1, 0)
    assert skew.examples[0].served.startswith("2024-03-01T12:00:00")


@pytest.mark.parametrize("feature", [CATEGORY, NUMBER, HOUR, LIST], ids=lambda f: f.kind)
def test_a_column_that_one_side_lacks_is_missing_there(tmp_path: Path, feature: Feature) -> None:
    values = {"category": "a", "number": 1.0, "hour": at(2024, 3, 1), "categories": ["a"]}
    ids = pa.array(["r00", "r01"])
    bare = written(tmp_path / "bare.parquet", pa.table({"request_id": ids}))
    full = pa.table({"request_id": ids, "x": pa.array([values[feature.kind]] * 2)})
    whole = written(tmp_path / "whole.parquet", full)
    features = {"x": feature}
    skew = compare(SETTINGS, bare, whole, ["request_id"], features, 0.2)[1]["x"]
    assert (skew.is_never_served, counts(skew)) == (True, (2, 2, 0))
    skew = compare(SETTINGS, whole, bare, ["request_id"], features, 0.2)[1]["x"]
    assert (skew.is_never_trained, counts(skew)) == (True, (2, 0, 2))


def test_only_rows_of_both_sides_count(tmp_path: Path) -> None:
    served = pa.table({"request_id": ["a", "a", "b"], "app_id": ["1", "2", "1"], "x": ["k"] * 3})
    trained = pa.table({"request_id": ["a", "b", "c"], "app_id": ["2", "2", "1"], "x": ["l"] * 3})
    sides = written(tmp_path / "s.parquet", served), written(tmp_path / "t.parquet", trained)
    num_joined, skews = compare(SETTINGS, *sides, ["request_id", "app_id"], {"x": CATEGORY}, 0.2)
    assert (num_joined, skews["x"].num_differing) == (1, 1)
    [difference] = skews["x"].examples
    assert (difference.request_id, difference.app_id) == ("a", "2")


def test_nothing_joined_is_nothing_different(tmp_path: Path) -> None:
    skew = compared(tmp_path, CATEGORY, pa.array([], pa.string()), pa.array([], pa.string()))
    assert skew == FeatureSkew(0, 0, 0, 0, 0, 0)


def test_spark_counts_the_same(tmp_path: Path, spark_engine: config.Engine) -> None:
    type_ = pa.timestamp("us", "UTC")
    values = {
        "text": (CATEGORY, ["NO", "no", None, "US"], ["NO", "NO", "BR", ""]),
        "code": (CATEGORY, ["7", "8", None, "9"], pa.array([7, 9, None, None], pa.int64())),
        "number": (NUMBER, [1.0, None, 5.0, math.inf], [1.1, math.nan, math.nan, 4.0]),
        "list": (LIST, [["x", "y"], [], ["z"], None], [["w", "x", "y"], None, ["z", "q"], ["a"]]),
        "time": (
            HOUR,
            pa.array([at(2024, 3, 1, 12), at(1955, 11, 5), None, at(2024, 3, 1)], type_),
            pa.array([at(2024, 3, 1, 12), at(1955, 11, 5), at(2024, 3, 1), None], type_),
        ),
    }
    ids = {"request_id": ["a", "b", "c", "d"]}
    served = pa.table(ids | {name: one for name, (_, one, _) in values.items()})
    trained = pa.table(ids | {name: other for name, (_, _, other) in values.items()})
    paths = tmp_path / "served.parquet", tmp_path / "trained.parquet"
    for path, table in zip(paths, (served, trained), strict=True):
        pq.write_table(table, path)
    features = {name: feature for name, (feature, _, _) in values.items()}
    found = []
    for settings in (SETTINGS, spark_engine):
        one, other = (engine.read_parquet(settings, [path]) for path in paths)
        found.append(compare(settings, one, other, ["request_id"], features, 0.2))
    assert found[0] == found[1]
    assert {name: counts(skew) for name, skew in found[0][1].items()} == {
        "text": (3, 1, 1),
        "code": (2, 0, 1),
        "number": (2, 0, 1),
        "list": (2, 1, 0),
        "time": (2, 1, 1),
    }
