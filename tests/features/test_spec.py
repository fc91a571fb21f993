from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recsys.config import Feature
from recsys.features import spec


def feature(kind: Any, **options: Any) -> Feature:
    return Feature(table="users", kind=kind, models=("deep",), **options)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_features_are_cut_by_side_and_by_part() -> None:
    features = {
        "country": Feature(table="requests", kind="category", models=("wide",)),
        "age": Feature(table="users", kind="number", models=("deep",), column="years"),
        "app_id": Feature(table="apps", kind="category", models=("wide", "retrieval")),
        "hour": Feature(table="requests", kind="hour", models=("deep",), column="time"),
        "weekday": Feature(table="requests", kind="weekday", models=("deep",), column="time"),
        "history": Feature(
            table="users", kind="categories", models=("retrieval",), vocabulary="app_id"
        ),
    }
    assert list(spec.of_query(features)) == ["country", "age", "hour", "weekday", "history"]
    assert list(spec.of_candidate(features)) == ["app_id"]
    assert list(spec.used_by(features, "wide")) == ["country", "app_id"]
    assert spec.columns(features) == ["country", "years", "app_id", "time", "history"]
    assert spec.vocabulary_of("history", features["history"]) == "app_id"
    assert spec.vocabulary_of("app_id", features["app_id"]) == "app_id"


ROWS: list[dict[str, Any]] = [
    {
        "country": "NO",
        "age": 31,
        "installs": 123_456_789,
        "vip": True,
        "apps": ["a", "b", "c", "d"],
        "years": [1998, None],
        "time": dt.datetime(2024, 2, 29, 23, 59, 59, 999_999, dt.UTC),
    },
    {
        "country": None,
        "age": None,
        "installs": None,
        "vip": None,
        "apps": None,
        "years": None,
        "time": None,
    },
    {
        "country": "",
        "age": -0.5,
        "installs": 16_777_217,
        "vip": False,
        "apps": [],
        "years": [],
        "time": dt.datetime(1969, 12, 31, 23, 59, 59, 1, dt.UTC),
    },
    {
        "country": "Åland\n",
        "age": 1e300,
        "installs": 0,
        "vip": True,
        "apps": ["x", None, "ü"],
        "years": [1, 2, 3, 4],
        "time": dt.datetime(1931, 6, 7, 8, tzinfo=dt.UTC),
    },
]
FEATURES = {
    "country": feature("category"),
    "zip": feature("category", column="installs"),
    "vip": feature("category"),
    "age": feature("number"),
    "installs": feature("number"),
    "apps": feature("categories", max_length=3),
    "years": feature("categories", max_length=3),
    "hour": feature("hour", column="time"),
    "weekday": feature("weekday", column="time"),
}


def arrow(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows)


def assert_equal(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert left.keys() == right.keys()
    for name, values in left.items():
        assert values.dtype == right[name].dtype, name
        np.testing.assert_array_equal(values, right[name], err_msg=name)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # 1e300 is no float32
def test_a_table_gives_the_same_raw_features_as_its_rows_one_by_one() -> None:
    table = spec.raw_from_table(arrow(ROWS), FEATURES)
    assert_equal(table, spec.raw_from_values(ROWS, FEATURES))
    for number, row in enumerate(ROWS):
        one = {name: values[number : number + 1] for name, values in table.items()}
        assert_equal(one, spec.raw_from_values([row], FEATURES))


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_slice_or_a_table_in_chunks_gives_the_same() -> None:
    whole = spec.raw_from_table(arrow(ROWS), FEATURES)
    sliced = spec.raw_from_table(arrow(ROWS).slice(1, 2), FEATURES)
    assert_equal(sliced, {name: values[1:3] for name, values in whole.items()})
    chunked = pa.concat_tables([arrow(ROWS).slice(0, 1), arrow(ROWS).slice(1)])
    assert_equal(spec.raw_from_table(chunked, FEATURES), whole)


def test_raw_values_are_what_the_table_of_kinds_says() -> None:
    raw = spec.raw_from_table(arrow(ROWS), FEATURES)
    assert raw["country"].tolist() == ["NO", "", "", "Åland\n"]
    assert raw["zip"].tolist() == ["123456789", "", "16777217", "0"]
    assert raw["apps"].tolist() == [["b", "c", "d"], ["", "", ""], ["", "", ""], ["x", "", "ü"]]
    assert raw["years"].tolist()[3] == ["2", "3", "4"]
    assert raw["age"].dtype == np.float32
    assert np.isnan(raw["age"]).tolist() == [False, True, False, False]
    # 2024-02-29 is day 19,782 of Unix time; the second before 1970 is -1.
    assert raw["hour"].tolist()[0] == 19_782 * 86_400 + 86_399
    assert raw["hour"].tolist()[1:3] == [spec.NO_TIME, -1]


def test_a_column_that_a_row_lacks_is_missing() -> None:
    raw = spec.raw_from_values([{}], FEATURES)
    assert raw["country"].tolist() == [""]
    assert raw["apps"].tolist() == [["", "", ""]]
    assert np.isnan(raw["age"]).all()
    assert raw["hour"].tolist() == [spec.NO_TIME]


def test_no_rows_give_no_values_of_the_right_shape() -> None:
    raw = spec.raw_from_values([], FEATURES)
    assert raw["apps"].shape == (0, 3)
    assert raw["age"].shape == (0,)
    assert_equal(raw, spec.raw_from_table(arrow(ROWS).slice(0, 0), FEATURES))


@pytest.mark.usefixtures("in_tokyo")
def test_a_time_without_a_zone_is_utc_wherever_the_machine_stands() -> None:
    hour = {"hour": feature("hour", column="time")}
    rows = [{"time": dt.datetime(2024, 3, 1, 5)}]
    raw = spec.raw_from_values(rows, hour)
    assert_equal(raw, spec.raw_from_table(arrow(rows), hour))
    assert raw["hour"].tolist() == [dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC).timestamp()]
