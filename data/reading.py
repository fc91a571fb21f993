"""Reads the store's state back out of the logs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.arrays import Integers
from data.day import KINDS, Outcomes, StoreState
from data.installed import InstalledApps
from data.world import World
from recsys.tables import SCHEMAS, Table
from recsys.workspace import Workspace


def state_after(workspace: Workspace, world: World, day: dt.date) -> StoreState:
    """The state as that day ends: its snapshots, and then its outcomes."""
    apps = world.apps(day)
    snapshot = _read(workspace, "apps", day, ["num_installs"])
    state = StoreState(
        _installed(workspace, world, day), snapshot["num_installs"].to_numpy().copy()
    )
    events = _read(workspace, "outcomes", day, ["request_id", "user_id", "app_id", "time", "kind"])
    state.replay(
        Outcomes(
            request=_rank(events["request_id"]),
            user=_rows(events["user_id"], world.users.user_id),
            app=_rows(events["app_id"], apps.app_id),
            kind=_rows(events["kind"], pa.array(KINDS)),
            time=np.array(events["time"].cast(pa.int64())),
        )
    )
    return state


def _installed(workspace: Workspace, world: World, day: dt.date) -> InstalledApps:
    table = pq.ParquetFile(next(workspace.day("users", day).glob("*.parquet")))
    installed = InstalledApps(len(world.users))
    begin = 0
    for batch in table.iter_batches(columns=["installed_app_ids"]):
        lists = batch.column(0)
        lengths = np.array(pc.list_value_length(lists), np.int32)
        end = begin + len(lists)
        filled = np.arange(installed.rows.shape[1]) < lengths[:, None]
        installed.rows[begin:end][filled] = _rows(lists.flatten(), world.apps(day).app_id)
        installed.lengths[begin:end] = lengths
        begin = end
    return installed


def _read(workspace: Workspace, table: Table, day: dt.date, columns: list[str]) -> Any:
    schema = pa.schema([SCHEMAS[table].field(name) for name in columns])
    return pq.read_table(workspace.day(table, day), schema=schema, partitioning=None)


def _rows(values: Any, of: Any) -> Integers:
    return np.array(pc.index_in(values, of), np.int32)


def _rank(request_ids: Any) -> Integers:
    """Order of the requests' ids, which is that of their times."""
    return np.unique(np.array(request_ids), return_inverse=True)[1].astype(np.int32)
