from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recsys import served_features
from recsys.config import Feature
from recsys.features import spec
from recsys.recommender import Item, Page
from recsys.served_features import Lines, ServedPage
from recsys.workspace import Workspace

NOON = dt.datetime(2024, 3, 14, 12, tzinfo=dt.UTC)
FEATURES = {
    "history": Feature(
        table="users", kind="categories", column="apps", models=("deep",), max_length=3
    ),
    "recent": Feature(
        table="users", kind="categories", column="apps", models=("deep",), max_length=2
    ),
    "country": Feature(table="requests", kind="category", models=("deep",)),
    "age": Feature(table="users", kind="number", models=("deep",)),
    "hour": Feature(table="requests", kind="hour", column="time", models=("deep",)),
    "weekday": Feature(table="requests", kind="weekday", column="time", models=("deep",)),
}
ROWS: list[dict[str, Any]] = [
    {"apps": ["a", "b", "c", "d"], "country": "NO", "age": 30, "time": NOON},
    {"apps": ["ä"], "country": "Ñandú 🦤", "age": 0.1, "time": NOON.replace(microsecond=999_999)},
    {"apps": [], "country": "", "age": float("nan"), "time": dt.datetime(1955, 11, 5)},
    {"apps": None, "country": None, "age": None, "time": None},
    {"apps": ["", "b"], "country": 7, "age": float("inf"), "time": NOON},
]


def table(served: Sequence[ServedPage]) -> pa.Table:
    """The pages as they come out of the log."""
    return served_features.table(map(Lines(FEATURES).line, served), FEATURES)


def pages(rows: Sequence[dict[str, Any]], sizes: Sequence[int] = ()) -> list[ServedPage]:
    """Served pages of these queries, of so many apps each."""
    raw = spec.raw_from_values(rows, FEATURES)
    return [
        ServedPage(
            request_id=f"r{number}",
            user_id=f"u{number}",
            time=NOON + dt.timedelta(seconds=number),
            bundle="v1",
            k=20,
            page=Page(
                tuple(Item(place, f"app{place}", 0.5 / place, ()) for place in range(1, size + 1)),
                np.arange(size),
                {},
                {name: values[number] for name, values in raw.items()},
            ),
        )
        for number, size in enumerate(sizes or [1] * len(rows))
    ]


def test_what_the_model_was_given_comes_back_to_the_bit() -> None:
    logged = table(pages(ROWS))
    back = served_features.raw(logged, FEATURES)
    given = spec.raw_from_values(ROWS, FEATURES)
    assert back.keys() == given.keys()
    for name, values in given.items():
        assert back[name].dtype == values.dtype, name
        np.testing.assert_array_equal(back[name], values, err_msg=name)


def test_a_row_is_a_page() -> None:
    [first, second, third] = table(pages(ROWS[:3], [2, 0, 1])).to_pylist()
    assert first == {
        "request_id": "r0",
        "user_id": "u0",
        "time": NOON,
        "bundle": "v1",
        "k": 20,
        "app_ids": ["app1", "app2"],
        "scores": [0.5, 0.25],
        "features": {"apps": ["b", "c", "d"], "country": "NO", "age": 30.0, "time": NOON},
    }
    assert (second["app_ids"], second["scores"]) == ([], [])
    assert third["app_ids"] == ["app1"]


def test_what_a_model_takes_for_missing_is_null() -> None:
    features = table(pages(ROWS)).to_pylist()[3]["features"]
    assert features == {"apps": [], "country": None, "age": None, "time": None}
    assert table(pages(ROWS)).to_pylist()[2]["features"]["age"] is None


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_requests_is_logged(share: float) -> None:
    ids = [uuid.UUID(int=number).hex for number in range(20_000)]
    logged = [name for name in ids if served_features.is_logged(name, share)]
    assert len(logged) / len(ids) == pytest.approx(share, abs=0.01)
    assert logged == [name for name in ids if served_features.is_logged(name, share)]
    more = {name for name in ids if served_features.is_logged(name, min(1.0, share + 0.1))}
    assert set(logged) <= more


def test_files_are_found_by_day_and_bundle(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    day = NOON.date()
    assert served_features.files(workspace, day) == {}
    for name in ("bundle=b/2", "bundle=b/1", "bundle=a/3"):
        path = served_features.folder(workspace, day) / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.with_name(f".staged-{path.name}-x").touch()
    found = served_features.files(workspace, day)
    assert {version: [path.stem for path in paths] for version, paths in found.items()} == {
        "a": ["3"],
        "b": ["1", "2"],
    }
