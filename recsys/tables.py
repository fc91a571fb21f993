"""Every table's columns: the one place that owns their names and Arrow types.

A table lies in `logs/<table>/day=YYYY-MM-DD/*.parquet`. `apps` and `users` are snapshots of what
was known when the day began; `requests`, `impressions` and `outcomes` are what happened during it.
A table may have further columns: declare them as features and they are used.
"""

from __future__ import annotations

from typing import Literal, get_args

import pyarrow as pa

Table = Literal["apps", "users", "requests", "impressions", "outcomes"]
TABLES: tuple[Table, ...] = get_args(Table)
Logged = Table | Literal["exposures"]
"""What lies among the logs: exposures to experiments too, whose columns
`recsys.experiments.tables` says."""
SNAPSHOTS: tuple[Table, ...] = ("apps", "users")
EVENTS: tuple[Table, ...] = ("requests", "impressions", "outcomes")

CLICK = "click"
INSTALL = "install"
UNINSTALL = "uninstall"

TIME = pa.timestamp("us", tz="UTC")
_STRINGS = pa.list_(pa.string())

SCHEMAS: dict[Table, pa.Schema] = {
    "apps": pa.schema(
        [
            pa.field("app_id", pa.string(), nullable=False),
            ("title", pa.string()),
            ("developer", pa.string()),
            ("category", pa.string()),
            ("price", pa.float32()),  # US dollars; 0 is free
            ("content_rating", pa.string()),
            ("size_mb", pa.float32()),
            ("release_day", pa.date32()),
            ("age_days", pa.float32()),  # days from release to the snapshot
            ("num_installs", pa.float32()),  # installs from release to the snapshot
            ("rating", pa.float32()),  # mean stars, 1 to 5
            ("countries", _STRINGS),  # where it is sold; null or empty means everywhere
            ("devices", _STRINGS),  # what it runs on; null or empty means everything
        ]
    ),
    "users": pa.schema(
        [
            pa.field("user_id", pa.string(), nullable=False),
            ("country", pa.string()),
            ("language", pa.string()),
            ("device", pa.string()),
            ("age_band", pa.string()),
            ("installed_app_ids", _STRINGS),  # oldest first
        ]
    ),
    "requests": pa.schema(
        [
            pa.field("request_id", pa.string(), nullable=False),
            pa.field("user_id", pa.string(), nullable=False),
            pa.field("time", TIME, nullable=False),
            ("country", pa.string()),
            ("language", pa.string()),
            ("device", pa.string()),
            ("surface", pa.string()),  # where in the store: home, search
        ]
    ),
    "impressions": pa.schema(
        [
            pa.field("request_id", pa.string(), nullable=False),
            pa.field("position", pa.int32(), nullable=False),  # 1 is the top
            pa.field("app_id", pa.string(), nullable=False),
            # Chance that the logging policy put this app here, given what stood above it.
            ("propensity", pa.float32()),
        ]
    ),
    "outcomes": pa.schema(
        [
            pa.field("event_id", pa.string(), nullable=False),
            ("request_id", pa.string()),
            pa.field("user_id", pa.string(), nullable=False),
            pa.field("app_id", pa.string(), nullable=False),
            pa.field("time", TIME, nullable=False),
            pa.field("kind", pa.string(), nullable=False),  # click, install or uninstall
        ]
    ),
}
