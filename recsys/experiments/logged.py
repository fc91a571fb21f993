"""The outcomes of experiments from the daily logs: a row a user and day, computed by the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from recsys import engine
from recsys.tables import CLICK, INSTALL, UNINSTALL
from recsys.workspace import Workspace

LATENCY_MS = "latency_ms"
NUM_ITEMS = "num_items"
"""Columns that requests may have: how long the page took, and how many apps were on it."""

_KINDS = {"clicks": CLICK, "installs": INSTALL, "uninstalls": UNINSTALL}


def outcomes(workspace: Workspace, days: Sequence[dt.date]) -> ir.Table:
    """What users did on some days, as `recsys.experiments.tables.OUTCOMES`.

    What was shown belongs to the day of its page, what was done to the day on which it was done. A
    page is empty if it had no app; where requests don't say how many it had, if nothing of it was
    shown. Without latencies in the requests there is no such column.
    """
    requests = engine.read_days(workspace, "requests", days)
    shown = engine.read_days(workspace, "impressions", days)
    done = engine.read_days(workspace, "outcomes", days)
    pages, actions = _pages(requests, shown), _actions(done)
    columns = dict.fromkeys([*pages.columns, *actions.columns])
    both = ibis.union(*(_widened(table, list(columns)) for table in (pages, actions)))
    sums = {name: both[name].sum() for name in columns if name not in ("user_id", "day")}
    return both.group_by("user_id", "day").agg(**sums)


def _pages(requests: ir.Table, shown: ir.Table) -> ir.Table:
    """A row a page."""
    by_page = shown.group_by(shown_of=shown.request_id).agg(impressions=shown.count())
    joined = requests.left_join(by_page, requests.request_id == by_page.shown_of)
    impressions = joined.impressions.fill_null(0)
    num_items = joined[NUM_ITEMS] if NUM_ITEMS in requests.columns else impressions
    columns = {
        "pages": ibis.literal(1.0),
        "empty_pages": (num_items == 0).cast("float64"),
        "impressions": impressions.cast("float64"),
    }
    if LATENCY_MS in requests.columns:
        columns[LATENCY_MS] = joined[LATENCY_MS].cast("float64")
    return joined.select("user_id", day=joined.time.date(), **columns)


def _actions(done: ir.Table) -> ir.Table:
    """A row an event."""
    columns = {name: (done.kind == kind).cast("float64") for name, kind in _KINDS.items()}
    return done.select("user_id", day=done.time.date(), **columns)


def _widened(table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """With all columns, 0 where the table has none."""
    nothing = {name: ibis.literal(0.0) for name in columns if name not in table.columns}
    # A day without a file has columns that are never null, which no other table's are equal to.
    return table.mutate(user_id=table.user_id.cast("string"), **nothing).select(*columns)
