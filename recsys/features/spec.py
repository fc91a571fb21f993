"""What a feature is: the configuration's table of features, cut by side and by model part.

The query's side is what is known of the asker (tables `requests` and `users`); the candidate's side
is what is known of an app (table `apps`). Raw features have these types:

| kind            | column of the table   | tensor                                             |
|-----------------|-----------------------|----------------------------------------------------|
| `category`      | string                | string `[...]`, "" where missing                   |
| `categories`    | list of strings       | string `[..., max_length]`, "" pads                |
| `number`        | any number            | float32 `[...]`, NaN where missing                 |
| `hour`,`weekday`| timestamp             | int64 `[...]`, seconds since 1970 (UTC), or        |
|                 |                       | `NO_TIME` where missing                            |

and transformed features these:

| kind                              | tensor                                                     |
|-----------------------------------|------------------------------------------------------------|
| `category`, `hour`, `weekday`     | int32 `[...]`, 0 where missing                             |
| `categories`                      | int32 `[..., max_length]`, 0 pads                          |
| `number`                          | float32 `[...]` in [0, 1], its quantile CDF                |
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.config import Feature, ModelPart

Features = Mapping[str, Feature]

NO_TIME = np.iinfo(np.int64).min
"""Stands for a missing time; no clock shows it."""

HISTORY = "installed_app_ids"
"""The one feature that is built rather than read: what the asker had installed at the request."""

EMBEDDING = "embedding"
"""Stands beside the names of transformed features for the unit vector that a tower made of them."""


def of_query(features: Features) -> Features:
    """The features of the query's side."""
    return {name: f for name, f in features.items() if f.table != "apps"}


def of_candidate(features: Features) -> Features:
    """The features of the candidate's side."""
    return {name: f for name, f in features.items() if f.table == "apps"}


def used_by(features: Features, part: ModelPart) -> Features:
    """The features that one part of the models uses."""
    return {name: f for name, f in features.items() if part in f.models}


def column_of(name: str, feature: Feature) -> str:
    """The column that holds a feature."""
    return feature.column or name


def vocabulary_of(name: str, feature: Feature) -> str:
    """The name of the vocabulary that a feature is looked up in."""
    return feature.vocabulary or name


def columns(features: Features) -> list[str]:
    """The columns that hold these features, each once."""
    return list(dict.fromkeys(column_of(name, feature) for name, feature in features.items()))


def raw_from_table(table: pa.Table, features: Features) -> dict[str, NDArray[Any]]:
    """Raw features, by name, of every row of an Arrow table that has their columns."""
    return {
        name: raw_from_column(table[column_of(name, feature)], feature)
        for name, feature in features.items()
    }


def raw_from_values(
    rows: Sequence[Mapping[str, Any]], features: Features
) -> dict[str, NDArray[Any]]:
    """Raw features, by name, of rows given as mappings; a column that a row lacks is missing."""
    return {
        name: _raw([row.get(column_of(name, feature)) for row in rows], feature)
        for name, feature in features.items()
    }


def raw_from_column(column: pa.ChunkedArray, feature: Feature) -> NDArray[Any]:
    """The raw values of one column, of the type that the module's table says."""
    values: NDArray[Any]
    match feature.kind:
        case "number":
            # Unsafe: that a large integer loses its last digits is no reason to stop.
            numbers = column.cast(pa.float32(), safe=False)
            values = pc.fill_null(numbers, float("nan")).to_numpy()
        case "hour" | "weekday":
            # A cast alone would round times before 1970 up.
            seconds = pc.floor_temporal(column, unit="second").cast(pa.timestamp("s"), safe=False)
            values = pc.fill_null(seconds.cast(pa.int64()), NO_TIME).to_numpy()
        case "category":
            values = pc.fill_null(column.cast(pa.string()), "").to_numpy().astype(object)
        case "categories":
            lists = column.cast(pa.list_(pa.string())).combine_chunks()
            values = _padded_lists(lists, feature.max_length)
    return values


def _padded_lists(lists: pa.ListArray, max_length: int) -> NDArray[Any]:
    """The last `max_length` values of every list, padded with ""; `[num_lists, max_length]`."""
    lists = pc.fill_null(lists, []) if lists.null_count else lists
    ends = lists.offsets.to_numpy()[1:].astype(np.int64)
    lengths = np.minimum(pc.list_value_length(lists).to_numpy(), max_length).astype(np.int64)
    padded = np.full((len(lists), max_length), "", dtype=object)
    places = np.arange(max_length)[None, :]
    taken = places < lengths[:, None]
    values = pc.fill_null(lists.values, "").to_numpy(zero_copy_only=False)
    padded[taken] = values[((ends - lengths)[:, None] + places)[taken]]
    return padded


def _raw(values: Iterable[Any], feature: Feature) -> NDArray[Any]:
    match feature.kind:
        case "number":
            return np.array([np.nan if v is None else v for v in values], dtype=np.float32)
        case "hour" | "weekday":
            return np.array([_seconds(v) for v in values], dtype=np.int64)
        case "category":
            return np.array([_text(v) for v in values], dtype=object)
        case "categories":
            lists = [[_text(one) for one in (v or ())[-feature.max_length :]] for v in values]
            padded = [v + [""] * (feature.max_length - len(v)) for v in lists]
            return np.array(padded, dtype=object).reshape(len(lists), feature.max_length)


def _seconds(time: dt.datetime | None) -> int:
    if time is None:
        return NO_TIME
    utc = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return math.floor(utc.timestamp())


def _text(value: Any) -> str:
    """A category's value as Arrow writes it, so that numbers and flags read the same in a table."""
    match value:
        case str():
            return value
        case None:
            return ""
        case _:
            return str(pa.scalar(value).cast(pa.string()).as_py())
