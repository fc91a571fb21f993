"""ExampleGen: a day's logs to training examples, each feature as it was known at its request.

Apps are as they were when the day began, users as in their last snapshot, and what was installed
as it was at the request (`pipeline/history.py`). Only labels look ahead, to the day's end: an
install after midnight is not seen.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import ibis
import ibis.expr.types as ir

from pipeline import history, integrity, random_split
from pipeline.logs import Days
from recsys import engine, tables
from recsys.config import Config
from recsys.errors import BadInput
from recsys.features import spec
from recsys.tables import CLICK, INSTALL, Table
from recsys.workspace import Workspace

QUERY_KEYS = ("request_id", "user_id", "time", spec.HISTORY)
EXAMPLE_KEYS = ("query_row", "app_id", "position", "clicked", "installed", "split")
CARRIED: tuple[Table, ...] = ("requests", "users", "apps")
"""Tables whose columns describe an example."""
_TYPES = {
    "category": "string",
    "categories": "array<string>",
    "number": "float64",
    "hour": "timestamp('UTC')",
    "weekday": "timestamp('UTC')",
}


def source_days(workspace: Workspace, span: dt.date) -> Days:
    """The days of each table that a span reads: to make its examples, and to compare them with."""
    made_of, before = example_days(workspace, span), integrity.days_before(workspace, span)
    return {table: sorted({*days, *before.get(table, ())}) for table, days in made_of.items()}


def example_days(workspace: Workspace, span: dt.date) -> Days:
    """The days of each table that a span's examples are made of.

    Snapshots are the last ones at or before the span. Outcomes reach back to the snapshot of
    users, since what happened after it changed what they had installed.
    """
    apps = [day for day in workspace.days("apps") if day <= span][-1:]
    users = [day for day in workspace.days("users") if day <= span][-1:]
    since = users[0] if users else dt.date.min
    outcomes = [day for day in workspace.days("outcomes") if since <= day <= span]
    return {
        "apps": apps,
        "users": users,
        "requests": [span],
        "impressions": [span],
        "outcomes": outcomes,
    }


def example_gen(workspace: Workspace, span: dt.date, out: Path) -> None:
    """Writes into `out`:

    - `queries.parquet`: a row a request, with the request's and the user's columns and
      `installed_app_ids`, oldest first;
    - `examples.parquet`: a row an impression, with `query_row` (its row of queries), the app's
      columns, and the labels `clicked` and `installed`. A day without impressions, as imported
      data has, gives a row an install. A random split adds `split`;
    - `integrity.json`: how whole the day's tables are (`pipeline.integrity.Counts`);
    - `missing.json`: the columns that features declare and no table has.

    Columns are those that features declare, and those that nobody has heard of: the validator
    shall see what is new. A column that is missing is there without a value, so that a feature
    which a person agreed to do without stops nothing behind the gate.

    Raises:
        BadInput: columns of one name in several tables, or a key's column missing or mistyped.
    """
    config = workspace.config
    days = example_days(workspace, span)
    logs = {table: engine.read_days(workspace, table, read) for table, read in days.items()}
    today = engine.read_days(workspace, "outcomes", [span])
    installs = today.filter(today.kind == INSTALL)
    has_impressions = bool(workspace.files("impressions", span))
    missing = _missing_features(logs, config)
    logs |= {table: _without_values(logs[table], of) for table, of in missing.items()}
    carried = _carried_columns(logs, config)

    if config.examples.split == "random":
        assigned = random_split.assign(installs, config.seed)
        histories = random_split.history(assigned)
        parts = assigned.select("request_id", "app_id", "split")
    else:
        histories = history.at_request(logs["requests"], logs["users"], logs["outcomes"])
        parts = None
    queries = _queries(logs, carried, histories)
    engine.write_parquet(config.engine, queries, out / "queries.parquet")

    shown = logs["impressions"] if has_impressions else _as_impressions(installs)
    asked = _numbered(engine.read_parquet(config.engine, [out / "queries.parquet"]))
    apps = logs["apps"].select("app_id", *carried["apps"])
    examples = _examples(shown, asked, apps, _labels(today), parts)
    engine.write_parquet(config.engine, examples, out / "examples.parquet")

    counts = integrity.count(workspace, span, days)
    (out / "integrity.json").write_text(json.dumps(counts, indent=1) + "\n")
    columns = [column for of in missing.values() for column in spec.columns(of)]
    (out / "missing.json").write_text(json.dumps(columns) + "\n")


def _missing_features(logs: Mapping[Table, ir.Table], config: Config) -> dict[Table, spec.Features]:
    """The features that are declared over a column which no table has, by their table."""
    known = {column for table in CARRIED for column in logs[table].columns}
    return {
        table: {
            name: feature
            for name, feature in config.features.items()
            if feature.table == table and spec.column_of(name, feature) not in known
        }
        for table in CARRIED
    }


def _without_values(table: ir.Table, features: spec.Features) -> ir.Table:
    """A table with the columns of features that it lacks."""
    nulls = {
        spec.column_of(name, feature): ibis.null(_TYPES[feature.kind])
        for name, feature in features.items()
    }
    return table.mutate(**nulls) if nulls else table


def _carried_columns(logs: Mapping[Table, ir.Table], config: Config) -> dict[Table, list[str]]:
    """Columns to carry from each table beside its keys: declared ones and unheard-of ones."""
    carried: dict[Table, list[str]] = {}
    for table in CARRIED:
        declared = spec.columns({n: f for n, f in config.features.items() if f.table == table})
        heard_of = tables.SCHEMAS[table].names
        carried[table] = [
            column
            for column in logs[table].columns
            if column not in QUERY_KEYS + EXAMPLE_KEYS
            and (column in declared or column not in heard_of)
        ]
    times = Counter(column for columns in carried.values() for column in columns)
    for column, num in times.items():
        if num > 1:
            owners = [table for table, columns in carried.items() if column in columns]
            raise BadInput(
                f"column {column!r} comes from the tables {' and '.join(owners)}, expected one "
                "table for each: rename it in one of them."
            )
    return carried


def _queries(
    logs: Mapping[Table, ir.Table], carried: Mapping[Table, list[str]], histories: ir.Table
) -> ir.Table:
    requests = logs["requests"].select("request_id", "user_id", "time", *carried["requests"])
    users = logs["users"].select("user_id", *carried["users"])
    known = requests.left_join(users, "user_id").drop("user_id_right")
    joined = known.left_join(histories, "request_id").drop("request_id_right")
    nothing = ibis.literal([], "array<string>")
    filled = joined.mutate(installed_app_ids=joined.installed_app_ids.fill_null(nothing))
    return filled.order_by("time", "request_id")


def _numbered(queries: ir.Table) -> ir.Table:
    """`request_id`, and `query_row`: its row in the file of queries."""
    row = ibis.row_number().over(order_by=["time", "request_id"])
    return queries.select("request_id", query_row=row.cast("int64"))


def _as_impressions(installs: ir.Table) -> ir.Table:
    """What stands in for impressions where none were logged: what was installed."""
    linked = installs.filter(installs.request_id.notnull())
    return linked.select("request_id", "app_id", position=ibis.null("int32")).distinct()


def _labels(outcomes: ir.Table) -> ir.Table:
    """`request_id`, `app_id`, `clicked` and `installed`; who installs has clicked."""
    return outcomes.group_by("request_id", "app_id").agg(
        clicked=outcomes.kind.isin([CLICK, INSTALL]).any(),
        installed=(outcomes.kind == INSTALL).any(),
    )


def _examples(
    shown: ir.Table, asked: ir.Table, apps: ir.Table, labels: ir.Table, parts: ir.Table | None
) -> ir.Table:
    page = ["request_id", "app_id"]
    rows = shown.select(*page, "position").inner_join(asked, "request_id")
    described = _left(rows, apps, ["app_id"])
    labelled = _left(described, labels, page)
    examples = labelled.mutate(
        clicked=labelled.clicked.fill_null(False), installed=labelled.installed.fill_null(False)
    )
    if parts is not None:
        examples = _left(examples, parts, page)
    first = ["query_row", "request_id", "app_id", "position", "clicked", "installed"]
    in_order = examples.relocate(*first)
    return in_order.order_by("query_row", "position", "app_id")


def _left(left: ir.Table, right: ir.Table, keys: list[str]) -> ir.Table:
    """A left join that keeps the keys once."""
    return left.left_join(right, keys).drop(*(f"{key}_right" for key in keys))
