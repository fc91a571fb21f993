"""The features that a server used, as a log that the pipeline reads: a row a page.

```
serving/features/day=YYYY-MM-DD/bundle=VERSION/*.parquet
```

The day is the request's, in UTC; all files of a bundle have the same columns, which are the keys
below and `features`, a struct of the columns that the bundle's query features are read from. Their
values are what the model was given: a text, a list's last values, a number, a second. What the
model can't tell from a missing value is null.

The features of the page's apps aren't in the log: the bundle's version and the app's id determine
them, since a bundle transforms its apps once (`apps.parquet` in it says what it knew of them).
"""

from __future__ import annotations

import datetime as dt
import itertools
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from recsys.config import Feature
from recsys.features import spec
from recsys.tables import TIME
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from recsys.recommender import Page

FEATURES = "features"
"""The column that holds the query's features."""

_STRINGS = pa.list_(pa.string())
_KEYS = [
    pa.field("request_id", pa.string(), nullable=False),
    pa.field("user_id", pa.string(), nullable=False),
    pa.field("time", TIME, nullable=False),
    pa.field("bundle", pa.string(), nullable=False),
    pa.field("k", pa.int32(), nullable=False),  # apps wanted
    pa.field("app_ids", _STRINGS, nullable=False),  # the page, the top first
    pa.field("scores", pa.list_(pa.float32()), nullable=False),  # in the same order
]
_TYPES: dict[str, pa.DataType] = {
    "category": pa.string(),
    "categories": _STRINGS,
    "number": pa.float64(),
    "hour": TIME,
    "weekday": TIME,
}
_HASHES = 2**32


class ServedPage(NamedTuple):
    """A page that was served, and what it was made of: references, no copies."""

    request_id: str
    user_id: str
    time: dt.datetime
    """When it was asked, UTC."""
    bundle: str
    """Version of the bundle that made it."""
    k: int
    """Apps wanted."""
    page: Page
    query_features: spec.Features
    """What the page's raw features are, by name."""


def is_logged(request_id: str, share: float) -> bool:
    """Whether a request belongs to the share that is logged: the same answer at each asking, on
    each server."""
    return zlib.crc32(request_id.encode()) < share * _HASHES


def folder(workspace: Workspace, day: dt.date) -> Path:
    """Where a day's log lies."""
    return workspace.serving / "features" / f"day={day.isoformat()}"


def files(workspace: Workspace, day: dt.date) -> dict[str, list[Path]]:
    """The files of a day, in order, by the version of the bundle that served."""
    found = sorted(folder(workspace, day).glob("bundle=*/*.parquet"))
    of_bundle = itertools.groupby(found, key=lambda path: path.parent.name)
    return {name.removeprefix("bundle="): list(paths) for name, paths in of_bundle}


def by_column(features: spec.Features) -> dict[str, tuple[str, Feature]]:
    """The columns that features are read from, and of each the feature that reads most of it."""
    columns: dict[str, tuple[str, Feature]] = {}
    for name, feature in sorted(features.items(), key=lambda item: -item[1].max_length):
        columns.setdefault(spec.column_of(name, feature), (name, feature))
    return columns


def schema(query_features: spec.Features) -> pa.Schema:
    """The columns of the log of a bundle with these features."""
    columns = [(column, _TYPES[f.kind]) for column, (_, f) in by_column(query_features).items()]
    return pa.schema([*_KEYS, pa.field(FEATURES, pa.struct(columns), nullable=False)])


def batch(pages: Sequence[ServedPage]) -> pa.RecordBatch:
    """Pages of one bundle as rows of the log."""
    query_features = pages[0].query_features
    items = [page.page.items for page in pages]
    ends = np.cumsum([0, *map(len, items)], dtype=np.int32)
    every = list(itertools.chain.from_iterable(items))
    keys = [
        pa.array([page.request_id for page in pages]),
        pa.array([page.user_id for page in pages]),
        pa.array([page.time for page in pages], TIME),
        pa.array([page.bundle for page in pages]),
        pa.array([page.k for page in pages], pa.int32()),
        _lists(ends, pa.array([item.app_id for item in every], pa.string())),
        _lists(ends, pa.array([item.score for item in every], pa.float32())),
    ]
    known = [
        _column([page.page.raw[name] for page in pages], feature)
        for name, feature in by_column(query_features).values()
    ]
    whole = schema(query_features)
    features = pa.StructArray.from_arrays(known, fields=list(whole.field(FEATURES).type))
    return pa.RecordBatch.from_arrays([*keys, features], schema=whole)


def raw(rows: pa.Table, query_features: spec.Features) -> dict[str, Any]:
    """The raw features of logged pages, by name, as the model was given them."""
    columns = pa.Table.from_struct_array(rows[FEATURES])
    return spec.raw_from_table(columns, query_features)


def _column(values: Sequence[Any], feature: Feature) -> pa.Array:
    """One feature's raw values of some pages, null where the model saw a missing one."""
    match feature.kind:
        case "number":
            return pa.array(np.array(values, np.float64), from_pandas=True)
        case "hour" | "weekday":
            micros = [None if v == spec.NO_TIME else 1_000_000 * int(v) for v in values]
            return pa.array(micros, pa.int64()).view(TIME)
        case "category":
            return pa.array([value or None for value in values], pa.string())
        case "categories":
            lists = [_unpadded(value.tolist()) for value in values]
            ends = np.cumsum([0, *map(len, lists)], dtype=np.int32)
            return _lists(ends, pa.array(itertools.chain.from_iterable(lists), pa.string()))


def _unpadded(values: list[str]) -> list[str]:
    while values and not values[-1]:
        values.pop()
    return values


def _lists(ends: Any, values: pa.Array) -> pa.Array:
    # Twenty times as fast as a Python list of lists, and the server's threads wait for it.
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)
