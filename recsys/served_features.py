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
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import json as pa_json
from pydantic_core import to_json

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
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


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


class Lines:
    """Makes pages into lines of JSON, without their ends: rows of the log, as `table` reads them.
    One is for all pages of a bundle, since which value goes where is the same for each."""

    def __init__(self, query_features: spec.Features) -> None:
        """
        Args:
            query_features: what the pages' raw features are, by name.
        """
        self._read = [
            (column, name, _VALUES[feature.kind])
            for column, (name, feature) in by_column(query_features).items()
        ]

    def line(self, served: ServedPage) -> bytes:
        """A page's line.

        Raises:
            ValueError: a text is no Unicode.
        """
        items, raw = served.page.items, served.page.raw
        _, app_ids, scores, _ = zip(*items, strict=True) if items else ((),) * 4
        row = {
            "request_id": served.request_id,
            "user_id": served.user_id,
            "time": (served.time - _EPOCH) // _MICROSECOND,
            "bundle": served.bundle,
            "k": served.k,
            "app_ids": app_ids,
            "scores": scores,
            FEATURES: {column: value(raw[name]) for column, name, value in self._read},
        }
        return to_json(row)


def table(lines: Iterable[bytes], query_features: spec.Features) -> pa.Table:
    """Lines of pages of one bundle, one or more, as rows of the log. Arrow reads them by itself:
    other threads have the interpreter meanwhile."""
    text = b"\n".join(lines)
    whole = schema(query_features)
    features = whole.field(FEATURES)
    written = pa.struct([pa.field(one.name, _in_json(one.type)) for one in features.type])
    keys = [pa.field(one.name, _in_json(one.type)) for one in _KEYS]
    rows = pa_json.read_json(
        pa.BufferReader(text),
        pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
        pa_json.ParseOptions(explicit_schema=pa.schema([*keys, pa.field(FEATURES, written)])),
    )
    known = rows[FEATURES].combine_chunks()
    struct = pa.StructArray.from_arrays(
        [_typed(known.field(one.name), one.type) for one in features.type],
        fields=list(features.type),
    )
    columns = [_typed(rows[one.name].combine_chunks(), one.type) for one in _KEYS]
    return pa.Table.from_arrays([*columns, struct], schema=whole)


def raw(rows: pa.Table, query_features: spec.Features) -> dict[str, Any]:
    """The raw features of logged pages, by name, as the model was given them."""
    columns = pa.Table.from_struct_array(rows[FEATURES])
    return spec.raw_from_table(columns, query_features)


def _in_json(kind: pa.DataType) -> pa.DataType:
    """What a column's values are in a line."""
    if kind == TIME:
        return pa.int64()  # microseconds
    return pa.string() if kind == pa.float64() else kind


def _typed(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values.view(kind) if kind == TIME else values.cast(kind)


def _unpadded(value: NDArray[Any]) -> list[str]:
    values: list[str] = value.tolist()
    while values and not values[-1]:
        values.pop()
    return values


def _known_number(value: np.float32) -> str | None:
    return None if np.isnan(value) else repr(float(value))  # JSON knows no infinity


def _known_time(value: np.int64) -> int | None:
    return None if value == spec.NO_TIME else 1_000_000 * int(value)


# A feature's raw value of a page, by kind; None where the model saw a missing one.
_VALUES: dict[str, Callable[[Any], Any]] = {
    "category": lambda text: text or None,
    "categories": _unpadded,
    "number": _known_number,
    "hour": _known_time,
    "weekday": _known_time,
}
