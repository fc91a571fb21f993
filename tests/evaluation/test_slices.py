from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from recsys.bundle import POPULAR_SCHEMA
from recsys.config import Evaluation, Feature
from recsys.evaluation.apps import Apps
from recsys.evaluation.slices import Asked, Dimensions, Labels, by_band, by_value, crossed
from recsys.index.contract import NO_ROW

FEATURES = {
    "country": Feature(table="requests", kind="category", models=("deep",)),
    "genre": Feature(table="apps", kind="category", models=("deep",), column="category"),
}
DIMENSIONS = Dimensions(FEATURES, Evaluation(activity_bounds=(1, 10), price_bounds=(0.01, 5.0)))


def apps() -> Apps:
    """Five apps with 50, 30, 15, 5 and no installs."""
    table = pa.table(
        {
            "app_id": ["a", "b", "c", "d", "e"],
            "category": ["Games", None, "Tools", "Games", ""],
            "price": pa.array([0.0, 0.01, 4.99, 5.0, None], pa.float32()),
        }
    )
    installs = [(None, "a", 50), (None, "b", 30), (None, "c", 15), (None, "d", 5), (None, "z", 9)]
    rows = [*installs, ("DE", "e", 3)]
    names = POPULAR_SCHEMA.names
    popular = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    return Apps(table, popular.cast(POPULAR_SCHEMA))


def named(labels: Labels) -> list[str]:
    return [" & ".join(labels.values[code]) for code in labels.codes]


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("genre", ["Games", "missing", "Tools", "Games", "missing", "missing"]),
        ("price_band", ["under 0.01", "0.01 to <5", "0.01 to <5", "5 or more"] + 2 * ["missing"]),
        ("app_popularity", ["head", "middle", "tail", "tail", "tail", "missing"]),
        ("app_is_new", ["known", "known", "known", "known", "new", "new"]),
    ],
)
def test_apps_are_labelled_and_so_is_one_that_is_not_in_the_catalogue(
    dimension: str, expected: list[str]
) -> None:
    labels = DIMENSIONS.of_apps(dimension, apps())
    assert named(labels) == expected
    assert named(labels.take(apps().rows(["b", "nowhere"]))) == [expected[1], expected[-1]]
    assert DIMENSIONS.is_of_app(dimension)


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("country", ["DE", "missing", "DE", "US"]),
        ("user_activity", ["under 1", "1 to <10", "1 to <10", "10 or more"]),
        ("user_is_new", ["known", "new", "known", "known"]),
    ],
)
def test_queries_are_labelled(dimension: str, expected: list[str]) -> None:
    asked = Asked(
        columns={"country": ["DE", None, "DE", "US"]},
        num_installed=np.array([0, 1, 9, 10]),
        is_new=np.array([False, True, False, False]),
    )
    assert named(DIMENSIONS.of_queries(dimension, asked)) == expected
    assert not DIMENSIONS.is_of_app(dimension)


def test_a_cross_is_of_pairs() -> None:
    both = crossed(by_value(["x", "y", "x"]), by_band(np.array([1.0, 2.0, 3.0]), [2.0]))
    assert named(both) == ["x & under 2", "y & 2 or more", "x & 2 or more"]


def test_what_one_column_says_of_apps() -> None:
    known = apps()
    assert known.num_installs.tolist() == [50, 30, 15, 5, 0]
    assert known.rows(["c", "z"]).tolist() == [2, NO_ROW]
    assert known.matrix([["c", "z"], ["a", "b", "c"]], 2).tolist() == [[2, NO_ROW], [0, 1]]
    groups = known.categories
    assert groups is not None and groups[0] == groups[3] and len(set(groups.tolist())) == 3


def test_a_catalogue_may_know_neither_categories_nor_prices() -> None:
    for table in (
        pa.table({"app_id": ["a"]}),
        pa.table({"app_id": ["a"], "category": pa.nulls(1, pa.string()), "price": pa.nulls(1)}),
    ):
        bare = Apps(table, POPULAR_SCHEMA.empty_table())
        assert bare.categories is None
        assert named(DIMENSIONS.of_apps("price_band", bare)) == ["missing", "missing"]
