"""Logs made by hand, for tests: a workspace, its daily tables, and the rows in them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys import config
from recsys.tables import SCHEMAS, Table
from recsys.workspace import Workspace

Row = dict[str, Any]

DAY = dt.date(2024, 3, 2)
NEXT = dt.date(2024, 3, 3)


def make_workspace(root: Path, **changes: Any) -> Workspace:
    """A workspace whose configuration is the tiny preset, changed as told."""
    configuration = config.parse({"extends": "tiny", **changes}, "test")
    root.mkdir(parents=True, exist_ok=True)
    (root / config.FILE_NAME).write_text(config.render(configuration))
    return Workspace(root)


def write_log(
    workspace: Workspace, table: Table, day: dt.date, rows: Sequence[Mapping[str, Any]]
) -> Path:
    """Writes one table's day; columns that no row has are null, further ones are kept."""
    columns = [*SCHEMAS[table].names, *(name for row in rows for name in row)]
    declared = {field.name: field.type for field in SCHEMAS[table]}
    values = {
        name: pa.array([row.get(name) for row in rows], declared.get(name))
        for name in dict.fromkeys(columns)
    }
    path = workspace.day(table, day) / "part-0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(values), path)
    return path


def at(hour: int, day: dt.date = DAY) -> dt.datetime:
    """An hour of a day, UTC."""
    return dt.datetime.combine(day, dt.time(hour), dt.UTC)


def request(name: str, user: str, time: dt.datetime, **columns: Any) -> Row:
    return {"request_id": name, "user_id": user, "time": time, **columns}


def impression(name: str, app: str, position: int) -> Row:
    return {"request_id": name, "app_id": app, "position": position}


def outcome(kind: str, user: str, app: str, time: dt.datetime, name: str | None) -> Row:
    event = f"{kind} {user} {app} {time} {name}"
    return {
        "event_id": event,
        "request_id": name,
        "user_id": user,
        "app_id": app,
        "time": time,
        "kind": kind,
    }
