"""The outcomes of experiments from the daily logs: a row a user and day, computed by the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from recsys import engine
from recsys.experiments.stored import logged_exposures
from recsys.tables import CLICK, INSTALL, UNINSTALL
from recsys.workspace import Workspace

_KINDS = {"clicks": CLICK, "installs": INSTALL, "uninstalls": UNINSTALL}


def outcomes(workspace: Workspace, days: Sequence[dt.date]) -> ir.Table:
    """What users did on some days, as `recsys.experiments.tables.OUTCOMES`.

    What was shown belongs to the day of its page, what was done to the day on which it was done. A
    page is empty if it had no app; where no server says how many it had, if nothing was shown.
    Latencies are of the pages that arms made; without any there is no such column.
    """
    requests = engine.read_days(workspace, "requests", days)
    shown = engine.read_days(workspace, "impressions", days)
    done = engine.read_days(workspace, "outcomes", days)
    pages, actions = _pages(requests, shown, _served(workspace, days)), _actions(done)
    columns = dict.fromkeys([*pages.columns, *actions.columns])
    both = ibis.union(*(_widened(table, list(columns)) for table in (pages, actions)))
    sums = {name: both[name].sum() for name in columns if name not in ("user_id", "day")}
    return both.group_by("user_id", "day").agg(**sums)


def _served(workspace: Workspace, days: Sequence[dt.date]) -> ir.Table | None:
    """What servers know of the pages that arms made; None where they logged none, and where
    exposures are somebody else's, who says nothing of pages."""
    logged = logged_exposures(workspace)
    files = [file for day in days for file in logged.files(day)]
    if not files:
        return None
    served = engine.read_parquet(workspace.config.engine, files)
    if not {"request_id", "latency_ms", "num_items"} <= set(served.columns):
        return None
    # Experiments of two layers expose one page twice.
    return served.group_by(served_of=served.request_id).agg(
        latency_ms=served.latency_ms.max(), num_items=served.num_items.max()
    )


def _pages(requests: ir.Table, shown: ir.Table, served: ir.Table | None) -> ir.Table:
    """A row a page."""
    by_page = shown.group_by(shown_of=shown.request_id).agg(impressions=shown.count())
    joined = requests.left_join(by_page, requests.request_id == by_page.shown_of)
    impressions = num_items = joined.impressions.fill_null(0)
    if served is not None:
        joined = joined.left_join(served, joined.request_id == served.served_of)
        impressions = joined.impressions.fill_null(0)
        num_items = joined.num_items.fill_null(impressions)
    columns = {
        "pages": ibis.literal(1.0),
        "empty_pages": (num_items == 0).cast("float64"),
        "impressions": impressions.cast("float64"),
    }
    if served is not None:
        columns["latency_ms"] = joined.latency_ms
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
