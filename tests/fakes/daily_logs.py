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

SMALL: Mapping[str, Any] = {
    "retrieval": {"num_epochs": 1, "embedding_dim": 8, "id_embedding_dim": 8, "hidden_units": []},
    "ranking": {"num_epochs": 1, "hidden_units": [8], "crosses": []},
    "infra": {"num_requests": 10},
    "evaluation": {
        "slices": [],
        "min_recall_over_popular": 0.0,
        "max_recall_drop": 1.0,
        "max_ndcg_drop": 1.0,
        "max_retrieval_recall_drop": 1.0,
        "min_ann_recall": 0.0,
        "min_ranking_auc": 0.0,
        "max_ranking_auc": 1.0,
        "max_auc_drop": 1.0,
        "max_normalised_entropy": 1_000.0,
        "max_log_loss_rise": 1_000.0,
        "max_miscalibration": 1_000.0,
    },
}
"""Settings of models that train in moments, and of a gate that lets any of them pass."""

DAY = dt.date(2024, 3, 2)
NEXT = dt.date(2024, 3, 3)


_TRIED = {"num_requests": 20, "max_p99_ms": 10_000.0}
"""A bundle's server is asked less, and a busy machine may make it slow."""


def make_workspace(root: Path, **changes: Any) -> Workspace:
    """A workspace whose configuration is the tiny preset, changed as told."""
    configuration = config.parse({"extends": "tiny", "infra": _TRIED, **changes}, "test")
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


def write_clean_day(workspace: Workspace, day: dt.date, num_requests: int = 600) -> None:
    """A day of a small store: new apps appear, and every third page leads to an install."""
    number = (day - DAY).days
    users = [{"user_id": f"u{i}", "age_band": "18-24"} for i in range(100)]
    apps = [_app(f"a{i}") for i in range(60)] + [_app(f"new{number}-{i}") for i in range(20)]
    requests: list[Row] = []
    shown: list[Row] = []
    outcomes: list[Row] = []
    for i in range(num_requests):
        name, user, time = f"{day} {i}", f"u{i % 100}", at(i % 24, day)
        where = {"country": ("DE", "US", "FR")[i % 3], "language": "en", "device": "phone"}
        requests.append(request(name, user, time, surface="home", **where))
        page = [apps[(7 * i + place) % len(apps)]["app_id"] for place in range(3)]
        shown += [impression(name, app, place + 1) for place, app in enumerate(page)]
        if i % 3 == 0:
            outcomes.append(outcome("install", user, page[0], time, name))
    write_log(workspace, "users", day, users)
    write_log(workspace, "apps", day, apps)
    write_log(workspace, "requests", day, requests)
    write_log(workspace, "impressions", day, shown)
    write_log(workspace, "outcomes", day, outcomes)


def _app(app_id: str) -> Row:
    numbers = dict.fromkeys(("price", "size_mb", "age_days", "num_installs", "rating"), 1.5)
    texts = {"developer": f"dev of {app_id}", "category": "Tools", "content_rating": "Everyone"}
    return {"app_id": app_id, **texts, **numbers}
