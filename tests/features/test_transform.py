from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
import toy_features
from numpy.typing import NDArray

from recsys.config import Feature
from recsys.errors import BadInput
from recsys.features import spec
from recsys.features.spec import Features
from recsys.features.transform import FeatureTransform, FittedTransform, fit, raw_signature

NOTHING = pa.table({"unused": pa.array([], pa.string())})


def of_users(kind: Any, **options: Any) -> Feature:
    return Feature(table="users", kind=kind, models=("deep",), **options)


def fitted_on(features: Features, queries: pa.Table, examples: pa.Table = NOTHING) -> Any:
    return fit(ibis.memtable(queries), ibis.memtable(examples), features)


def applied(fitted: FittedTransform, folder: Path, raw: Any) -> dict[str, NDArray[Any]]:
    fitted.save(folder)
    return {name: v.numpy() for name, v in FeatureTransform(fitted, folder)(raw).items()}


def test_indices_by_frequency_ties_by_value_zero_where_missing(tmp_path: Path) -> None:
    seen = ["b", "b", "a", "c", "c", "c", "d", "d", None, "", "rare", "two\nlines", "two\nlines"]
    features = {"x": of_users("category", min_count=2, num_oov_buckets=3)}
    fitted = fitted_on(features, pa.table({"x": ["a", *seen]}))
    # c three times; a, b and d twice each; "rare" too seldom; a value of two lines never.
    assert fitted.vocabularies == {"x": ["c", "a", "b", "d"]}
    assert fitted.size("x") == 1 + 4 + 3
    asked = ["c", "a", "b", "d", "", "rare", "unheard of", "two\nlines"]
    indices = applied(fitted, tmp_path, {"x": np.array(asked, dtype=object)})["x"]
    assert indices.dtype == np.int32
    assert indices[:5].tolist() == [1, 2, 3, 4, 0]
    assert set(indices[5:].tolist()) <= {5, 6, 7}


def test_out_of_vocabulary_values_share_all_buckets_and_keep_theirs(tmp_path: Path) -> None:
    fitted = FittedTransform({"x": of_users("category", num_oov_buckets=4)}, {"x": ["a"]}, {})
    strangers = np.array([f"stranger {number}" for number in range(200)], dtype=object)
    first = applied(fitted, tmp_path, {"x": strangers})["x"]
    assert set(first.tolist()) == {2, 3, 4, 5}
    again = applied(fitted, tmp_path, {"x": strangers[::-1]})["x"]
    assert again[::-1].tolist() == first.tolist()


def test_strange_values_keep_to_their_own_lines(tmp_path: Path) -> None:
    values = [" spaced ", "tab\t", "line\u2028separator", "vertical\x0b", "日本", "é"]
    fitted = fitted_on({"x": of_users("category")}, pa.table({"x": values}))
    assert sorted(fitted.vocabularies["x"]) == sorted(values)
    indices = applied(fitted, tmp_path, {"x": np.array(fitted.vocabularies["x"], dtype=object)})
    assert indices["x"].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_shared_vocabulary_gives_an_app_one_index(tmp_path: Path) -> None:
    features = {
        "history": of_users("categories", vocabulary="app_id", max_length=3),
        "app_id": Feature(table="apps", kind="category", models=("deep",), min_count=2),
    }
    queries = pa.table({"history": [["only here"], ["a", "only here"]]})
    examples = pa.table({"app_id": ["b", "a", "b", "b", "a", "seldom"]})
    fitted = fitted_on(features, queries, examples)
    assert fitted.vocabularies == {"app_id": ["b", "a"]}
    assert fitted.size("history") == fitted.size("app_id") == 4
    raw = spec.raw_from_table(queries, spec.of_query(features))
    found = applied(fitted, tmp_path, {**raw, "app_id": np.array(["a", "b"], dtype=object)})
    assert found["history"].tolist() == [[3, 0, 0], [2, 3, 0]]
    assert found["app_id"].tolist() == [2, 1]


def test_lists_are_counted_by_their_values(tmp_path: Path) -> None:
    lists = [["x", "y"], ["y", None, ""], None, ["y", "z", "x"]]
    fitted = fitted_on({"tags": of_users("categories")}, pa.table({"tags": lists}))
    assert fitted.vocabularies == {"tags": ["y", "x", "z"]}


def test_numbers_and_flags_may_be_categories() -> None:
    queries = pa.table({"zip": [150, 150, None, 7], "vip": [True, True, False, None]})
    fitted = fitted_on({"zip": of_users("category"), "vip": of_users("category")}, queries)
    assert fitted.vocabularies == {"zip": ["150", "7"], "vip": ["true", "false"]}


def test_a_number_is_its_quantiles_place(tmp_path: Path) -> None:
    features = {"x": of_users("number", num_quantiles=4)}
    values = pa.table({"x": [5.0, 1.0, 2.0, None, 4.0, 3.0, float("nan")]})
    fitted = fitted_on(features, values)
    # The quarters of 1..5 are cut at 2, 3 and 4, and a cut belongs to the quarter above it.
    assert fitted.boundaries == {"x": [2.0, 3.0, 4.0]}
    asked = np.array([0.0, 1.9, 2.0, 3.5, 4.0, 1e9, np.nan, np.inf, -np.inf], dtype=np.float32)
    cdf = applied(fitted, tmp_path, {"x": asked})["x"]
    assert cdf.dtype == np.float32
    # (i - 1) / (n_q - 1) for the i-th of n_q = 4 quantiles, and the middle where it is missing.
    expected = [0, 0, 1 / 3, 2 / 3, 1, 1, 0.5, 1, 0]
    np.testing.assert_allclose(cdf, expected, rtol=0, atol=1e-7)


def test_a_value_that_fills_several_quantiles_is_in_the_last_of_them(tmp_path: Path) -> None:
    features = {"price": of_users("number", num_quantiles=5)}
    fitted = fitted_on(features, pa.table({"price": [0.0] * 7 + [1.0, 2.0, 3.0]}))
    # Fifths of ten values, seven of them 0: places 1.8, 3.6, 5.4 and 7.2 of 0..9.
    np.testing.assert_allclose(fitted.boundaries["price"], [0, 0, 0, 1.2])
    asked = np.array([-1, 0, 1, 2], dtype=np.float32)
    cdf = applied(fitted, tmp_path, {"price": asked})["price"]
    np.testing.assert_allclose(cdf, [0, 0.75, 0.75, 1])


def test_hours_and_weekdays_are_the_calendars(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    start = int(dt.datetime(1890, 1, 1, tzinfo=dt.UTC).timestamp())
    end = int(dt.datetime(2110, 1, 1, tzinfo=dt.UTC).timestamp())
    seconds = [*random.integers(start, end, size=2_000).tolist(), -1, 0, -86_400, -86_401]
    times = [dt.datetime.fromtimestamp(second, dt.UTC) for second in seconds]
    features = {"hour": of_users("hour", column="t"), "weekday": of_users("weekday", column="t")}
    raw = spec.raw_from_table(pa.table({"t": times}), features)
    fitted = FittedTransform(features, {}, {})
    found = applied(fitted, tmp_path, raw)
    assert found["hour"].tolist() == [time.hour + 1 for time in times]
    assert found["weekday"].tolist() == [time.isoweekday() for time in times]
    assert (fitted.size("hour"), fitted.size("weekday")) == (25, 8)


def test_a_missing_time_has_index_zero(tmp_path: Path) -> None:
    features = {"hour": of_users("hour"), "weekday": of_users("weekday")}
    found = applied(
        FittedTransform(features, {}, {}), tmp_path, spec.raw_from_values([{}], features)
    )
    assert (found["hour"].tolist(), found["weekday"].tolist()) == ([0], [0])


@pytest.mark.parametrize(
    ("feature", "column"),
    [
        (of_users("category"), pa.array([None, "", None], pa.string())),
        (of_users("category", min_count=2), pa.array(["a", "b", "c"])),
        (of_users("categories"), pa.array([[], None, [None]], pa.list_(pa.string()))),
        (of_users("number"), pa.array([None, float("nan"), None], pa.float32())),
    ],
)
def test_a_feature_without_any_value_is_refused(feature: Feature, column: pa.Array) -> None:
    with pytest.raises(BadInput, match=r"features.x: expected values in column 'x' of table 'use"):
        fitted_on({"x": feature}, pa.table({"x": column}))


def test_a_feature_without_a_column_is_refused() -> None:
    features = {"x": of_users("number", column="height")}
    with pytest.raises(BadInput, match=r"features.x: expected a column 'height' in table 'users'"):
        fitted_on(features, pa.table({"width": [1.0]}))


def test_what_was_fitted_reads_back(tmp_path: Path) -> None:
    fitted = toy_features.fitted()
    fitted.save(tmp_path)
    assert FittedTransform.load(tmp_path, toy_features.FEATURES) == fitted


def test_the_saved_model_transforms_as_the_module_in_memory_does(tmp_path: Path) -> None:
    import tensorflow as tf

    fitted = toy_features.fitted()
    fitted.save(tmp_path / "graph")
    module = FeatureTransform(fitted, tmp_path / "graph")
    signature = raw_signature(fitted.features, (None,))
    transform = tf.function(module, input_signature=[signature], autograph=False)
    holder = tf.Module()
    holder.transform, holder.module = transform, module
    tf.saved_model.save(holder, str(tmp_path / "saved"))
    # A saved model carries its vocabularies: those it was made from may go.
    for path in (tmp_path / "graph").iterdir():
        path.unlink()
    random = np.random.default_rng(1)
    apps = [*toy_features.app_ids(), "", "stranger"]
    rows = [
        {
            "installed_app_ids": random.choice(apps, size=random.integers(0, 8)).tolist(),
            "country": random.choice([*toy_features.COUNTRIES, "", "Atlantis"]),
            "age": (None, 5.0, 20.0, 33.3, 90.0)[random.integers(5)],
            "time": dt.datetime.fromtimestamp(int(random.integers(-(2**31), 2**31)), dt.UTC),
            "app_id": random.choice(apps),
            "genres": random.choice(["puzzle", "racing", "chess"], size=2).tolist(),
            "price": float(random.normal()),
        }
        for _ in range(500)
    ]
    raw = spec.raw_from_values(rows, fitted.features)
    here = module(raw)
    there = tf.saved_model.load(str(tmp_path / "saved")).transform(raw)
    assert here.keys() == there.keys() == fitted.features.keys()
    for name, values in here.items():
        np.testing.assert_allclose(values, there[name], rtol=0, atol=1e-6, err_msg=name)
    ages = [row["age"] for row in rows]
    by_hand = {None: 0.5, 5.0: 0.0, 20.0: 1 / 3, 33.3: 1 / 3, 90.0: 1.0}
    np.testing.assert_allclose(here["age"], [by_hand[age] for age in ages], rtol=0, atol=1e-6)
