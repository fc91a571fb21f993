"""Writes a day's tables: rows of the world become strings only here, a row group at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.arrays import Bits, Integers
from data.catalogue import EVERY_DEVICE, EVERYWHERE
from data.day import KINDS, DayLog, StoreState
from data.lexicon import AGE_BANDS, CATEGORIES, CONTENT_RATINGS, COUNTRIES, DEVICES
from data.policy import HOME
from data.world import World
from recsys.tables import SCHEMAS, Table
from recsys.workspace import Workspace, staged_folder

FILE_NAME = "part-0.parquet"
ROW_GROUP = 131_072

_Rows = slice


def write_snapshots(workspace: Workspace, world: World, day: dt.date, state: StoreState) -> None:
    """Writes what is known as the day begins: `apps` and `users`."""
    apps, users = world.apps(day), world.users
    age = world.age_days(day)

    def app_columns(rows: _Rows) -> dict[str, Any]:
        return {
            "app_id": apps.app_id[rows],
            "title": apps.title[rows],
            "developer": apps.developer[rows],
            "category": _words([c.name for c in CATEGORIES], apps.category[rows]),
            "price": apps.price[rows],
            "content_rating": _words(CONTENT_RATINGS, apps.content_rating[rows]),
            "size_mb": apps.size_mb[rows],
            "release_day": apps.release_day[rows],
            "age_days": age[rows],
            "num_installs": state.num_installs[rows],
            "rating": apps.rating[rows],
            "countries": _named_bits(
                [c.code for c in COUNTRIES], apps.country_bits[rows], EVERYWHERE
            ),
            "devices": _named_bits(DEVICES, apps.device_bits[rows], EVERY_DEVICE),
        }

    def user_columns(rows: _Rows) -> dict[str, Any]:
        lists, lengths = state.installed.rows[rows], state.installed.lengths[rows]
        return {
            **profiles(world, rows),
            "installed_app_ids": _lists(lengths, apps.app_id.take(pa.array(lists[lists >= 0]))),
        }

    _write(workspace, "apps", day, len(apps), app_columns)
    _write(workspace, "users", day, len(users), user_columns)


def profiles(world: World, rows: _Rows) -> dict[str, Any]:
    """Columns of what is known of some users, on whatever day."""
    users = world.users
    return {
        "user_id": users.user_id[rows],
        "country": _words([c.code for c in COUNTRIES], users.country[rows]),
        "language": users.language[rows],
        "device": _words(DEVICES, users.device[rows]),
        "age_band": _words(AGE_BANDS, users.age_band[rows]),
    }


def write_events(workspace: Workspace, world: World, log: DayLog) -> None:
    """Writes what happened on the day: `requests`, `impressions` and `outcomes`."""
    users, apps = world.users, world.apps(log.day)
    requests, outcomes = log.requests, log.outcomes
    midnight = np.datetime64(log.day, "us")
    request_id = _ids("r", log.day, len(requests))
    event_id = _ids("e", log.day, len(outcomes.time))
    request, position = (a.astype(np.int32) for a in np.nonzero(log.pages >= 0))

    def request_columns(rows: _Rows) -> dict[str, Any]:
        user = requests.user[rows]
        return {
            "request_id": request_id[rows],
            "user_id": users.user_id.take(pa.array(user)),
            "time": midnight + requests.time[rows],
            "country": _words([c.code for c in COUNTRIES], users.country[user]),
            "language": users.language.take(pa.array(user)),
            "device": _words(DEVICES, users.device[user]),
            "surface": _words(("search", "home"), requests.shelf[rows] == HOME),
        }

    def impression_columns(rows: _Rows) -> dict[str, Any]:
        at = request[rows], position[rows]
        return {
            "request_id": request_id.take(pa.array(at[0])),
            "position": at[1] + np.int32(1),
            "app_id": apps.app_id.take(pa.array(log.pages[at])),
            "propensity": log.propensity[at],
        }

    def outcome_columns(rows: _Rows) -> dict[str, Any]:
        return {
            "event_id": event_id[rows],
            "request_id": request_id.take(pa.array(outcomes.request[rows])),
            "user_id": users.user_id.take(pa.array(outcomes.user[rows])),
            "app_id": apps.app_id.take(pa.array(outcomes.app[rows])),
            "time": midnight + outcomes.time[rows],
            "kind": _words(KINDS, outcomes.kind[rows]),
        }

    _write(workspace, "requests", log.day, len(requests), request_columns)
    _write(workspace, "impressions", log.day, len(request), impression_columns)
    _write(workspace, "outcomes", log.day, len(outcomes.time), outcome_columns)


def _write(
    workspace: Workspace,
    table: Table,
    day: dt.date,
    num_rows: int,
    columns: Callable[[_Rows], dict[str, Any]],
) -> None:
    schema = SCHEMAS[table]
    with (
        staged_folder(workspace.day(table, day)) as folder,
        pq.ParquetWriter(folder / FILE_NAME, schema, compression="zstd") as writer,
    ):
        for rows in _row_groups(num_rows):
            values = columns(rows)
            arrays = [_array(values[field.name], field) for field in schema]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=ROW_GROUP)


def _row_groups(num_rows: int) -> Iterator[_Rows]:
    for begin in range(0, num_rows, ROW_GROUP):
        yield slice(begin, min(begin + ROW_GROUP, num_rows))


def _array(values: Any, field: Any) -> Any:
    return values if isinstance(values, pa.Array) else pa.array(values, field.type)


def _words(words: tuple[str, ...] | list[str], rows: Any) -> Any:
    return pa.array(words).take(pa.array(np.asarray(rows).astype(np.int32)))


def _ids(prefix: str, day: dt.date, n: int) -> Any:
    number = pc.utf8_lpad(pa.array(np.arange(n)).cast(pa.string()), 8, "0")
    return pc.binary_join_element_wise(f"{prefix}{day:%Y%m%d}", number, "-")


def _named_bits(names: tuple[str, ...] | list[str], bits: Bits, everything: np.uint32) -> Any:
    """Lists of the names whose bits are set; an empty list where all of them are."""
    is_set = (bits[:, None] >> np.arange(len(names), dtype=np.uint32) & 1).astype(bool)
    is_set[bits == everything] = False
    return _lists(is_set.sum(1), _words(names, np.nonzero(is_set)[1]))


def _lists(lengths: Integers, values: Any) -> Any:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)
