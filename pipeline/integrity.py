"""How whole a day's tables are, counted where the logs are read: rows, keys that occur twice, keys
that lead nowhere, keys that the day before had too, snapshots that are old, times of another day.

Features can be looked at in the examples that were made; an impression that never became an example
(its app does not exist), or became two, can only be counted here.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import ibis.expr.types as ir

from pipeline.logs import Days
from recsys import engine
from recsys.tables import SNAPSHOTS, TABLES, Table
from recsys.workspace import Workspace

HOURS = 24
_SECONDS_PER_HOUR = 3_600
_SECONDS_PER_DAY = HOURS * _SECONDS_PER_HOUR

Figures = Mapping[str, int | str]
"""Of a table as such: `num_rows` of its day or snapshot, and `age_days` of the snapshot.

Of a key: `num_missing`, and whichever of these is expected to be 0:

- `num_duplicated`: rows beyond the first of their key;
- `num_unlinked`: rows whose key is not in the table that it leads to;
- `num_repeated`: rows whose key the day before had too.

Beside each of the three stand the least and the greatest key that it is about (`least_duplicated`,
`greatest_duplicated`, and so on), where there is one.

Of `time`: `num_missing`; `min` and `max` in seconds since the day's midnight, UTC; `num_outside` of
the day; `hour_0` to `hour_23`.
"""
Counts = dict[str, dict[str, dict[str, int | str]]]
"""`Figures` by table and column; those of the table as such under `""`."""


class _Key(NamedTuple):
    """A column of keys, and what is expected of it."""

    table: Table
    column: str
    once_in: tuple[str, ...] | None = None
    """It occurs once among the rows that agree in these columns; `()`: among all."""
    leads_to: Table | None = None
    """The table that has a row of that key."""
    is_new: bool = False
    """It did not occur the day before."""


_KEYS = (
    _Key("apps", "app_id", once_in=()),
    _Key("users", "user_id", once_in=()),
    _Key("requests", "request_id", once_in=(), is_new=True),
    _Key("requests", "user_id", leads_to="users"),
    _Key("impressions", "request_id", leads_to="requests"),
    _Key("impressions", "app_id", once_in=("request_id",), leads_to="apps"),
    _Key("impressions", "position", once_in=("request_id",)),
    _Key("outcomes", "event_id", once_in=(), is_new=True),
    _Key("outcomes", "request_id", leads_to="requests"),
    _Key("outcomes", "user_id", leads_to="users"),
    _Key("outcomes", "app_id", leads_to="apps"),
)
_WITH_TIME: tuple[Table, ...] = ("requests", "outcomes")


def days_before(workspace: Workspace, span: dt.date) -> Days:
    """The last day before the span of each table that is compared with it, where there is one."""
    return {table: [d for d in workspace.days(table) if d < span][-1:] for table in _WITH_TIME}


def count(workspace: Workspace, span: dt.date, days: Days) -> Counts:
    """Counts the tables that have a file, in one query over all of them.

    Args:
        workspace: the logs, and the engine that reads them.
        span: the day.
        days: what the span's examples are made of; it says which snapshots they use.

    Raises:
        BadInput: a key's column is missing, or of another type than `recsys.tables` says.
    """
    of_span = dict.fromkeys(TABLES, span) | {
        name: days[name][-1] for name in SNAPSHOTS if days[name]
    }
    here = {
        table: engine.read_days(workspace, table, [day])
        for table, day in of_span.items()
        if workspace.files(table, day)
    }
    before = {
        table: engine.read_days(workspace, table, read)
        for table, read in days_before(workspace, span).items()
    }
    counts: Counts = {}
    for figure, value in _computed(workspace, span, here, before).items():
        table, column, name = figure.split(" ")
        if value is not None:
            counts.setdefault(table, {}).setdefault(column, {})[name] = value
    for snapshot in SNAPSHOTS:
        if snapshot in here:
            counts[snapshot][""]["age_days"] = (span - of_span[snapshot]).days
    return counts


def _computed(
    workspace: Workspace,
    span: dt.date,
    here: Mapping[Table, ir.Table],
    before: Mapping[Table, ir.Table],
) -> Mapping[str, int | str | None]:
    """Every figure of every column, as `<table> <column> <figure>`."""
    midnight = dt.datetime.combine(span, dt.time(), dt.UTC).timestamp()
    rows = [_of_table(name, table, midnight) for name, table in here.items()]
    for key in _KEYS:
        if key.table in here:
            rows += _of_key(key, here, before)
    if not rows:
        return {}
    whole = functools.reduce(ir.Table.cross_join, rows)
    found: Mapping[str, int | str | None]
    [found] = engine.to_arrow(workspace.config.engine, whole).to_pylist()
    return found


def _of_table(name: Table, table: ir.Table, midnight: float) -> ir.Table:
    """One row: what one pass over the table counts."""
    figures = {" num_rows": table.count()}
    for key in _KEYS:
        if key.table == name:
            figures[f"{key.column} num_missing"] = table[key.column].isnull().sum()
    if name in _WITH_TIME:
        figures |= {f"time {figure}": value for figure, value in _of_time(table, midnight)}
    return table.aggregate(**{f"{name} {figure}": value for figure, value in figures.items()})


def _of_time(table: ir.Table, midnight: float) -> Iterator[tuple[str, ir.Scalar]]:
    # DuckDB's seconds have a fraction, Spark's have none.
    epoch = table.time.epoch_seconds().cast("float64").floor().cast("int64")
    seconds = epoch - int(midnight)
    yield "num_missing", seconds.isnull().sum()
    yield "min", seconds.min()
    yield "max", seconds.max()
    yield "num_outside", ((seconds < 0) | (seconds >= _SECONDS_PER_DAY)).sum()
    for hour in range(HOURS):
        begin = hour * _SECONDS_PER_HOUR
        yield f"hour_{hour}", seconds.between(begin, begin + _SECONDS_PER_HOUR - 1).sum()


def _of_key(
    key: _Key, here: Mapping[Table, ir.Table], before: Mapping[Table, ir.Table]
) -> Iterator[ir.Table]:
    """One row for each thing that is expected of a key: how many rows are otherwise."""
    table = here[key.table].filter(here[key.table][key.column].notnull())
    if key.once_in is not None:
        counted = table.group_by(*key.once_in, key.column).agg(num=table.count() - 1)
        yield _offending(key, "duplicated", counted.filter(counted.num > 0))
    if key.leads_to in here:
        yield _offending(key, "unlinked", _unlinked(table, key, here, before))
    if key.is_new:
        yield _offending(key, "repeated", table.semi_join(before[key.table], key.column))


def _unlinked(
    table: ir.Table, key: _Key, here: Mapping[Table, ir.Table], before: Mapping[Table, ir.Table]
) -> ir.Table:
    assert key.leads_to is not None
    missing = table.anti_join(here[key.leads_to], key.column)
    # What a page led to may come after midnight.
    may_be_late = key.table == "outcomes" and key.leads_to in before
    return missing.anti_join(before[key.leads_to], key.column) if may_be_late else missing


def _offending(key: _Key, kind: str, rows: ir.Table) -> ir.Table:
    """One row: how many there are (`num` of them in each row that has such a column), and the least
    and the greatest of their keys."""
    num = rows.num.sum().fill_null(0) if "num" in rows.columns else rows.count()
    named = rows[key.column].cast("string")
    figures = {f"num_{kind}": num, f"least_{kind}": named.min(), f"greatest_{kind}": named.max()}
    prefix = f"{key.table} {key.column}"
    return rows.aggregate(**{f"{prefix} {figure}": value for figure, value in figures.items()})
