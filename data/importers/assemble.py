"""From parsed rows to the rows of our tables, in the order in which they are written."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from data.importers.checks import REASON
from data.importers.columns import USERS, Kind
from data.importers.source import LINE
from recsys.features.spec import HISTORY
from recsys.tables import INSTALL


def interactions(checked: ir.Table, day: dt.date) -> ir.Table:
    """The good interactions by time: each a request and the install that it led to.

    Their ids are digests of user and app, which occur together once.

    Args:
        checked: what `checks` made of the file.
        day: that of every interaction, where the file has no time.
    """
    good = checked.filter(checked[REASON].isnull())
    if "time" not in good.columns:
        good = good.mutate(time=ibis.timestamp(day.isoformat()))
    request_id = (good.user_id + "\t" + good.app_id).hexdigest("md5")
    identified = good.mutate(
        request_id=request_id, event_id=request_id + "-" + INSTALL, kind=ibis.literal(INSTALL)
    )
    return identified.order_by("time", LINE)


def snapshot(kind: Kind, checked: ir.Table | None, happened: ir.Table) -> ir.Table:
    """Everyone (or every app) of the file, in its order, then those only seen in interactions.

    Args:
        kind: users or apps.
        checked: what `checks` made of the file, if there is one.
        happened: the interactions.
    """
    [key] = kind.keys
    seen = happened.select(key).distinct()
    if checked is None:
        everyone = seen.order_by(key)
    else:
        good = checked.filter(checked[REASON].isnull()).drop(REASON)
        others = seen.anti_join(good, key)
        unknown = {n: ibis.null(type_) for n, type_ in good.schema().items() if n != key}
        both = good.union(others.mutate(**unknown).select(good.columns))
        everyone = both.order_by(both[LINE].isnull(), LINE, key)
    return _with_history(everyone) if kind is USERS else everyone


def _with_history(users: ir.Table) -> ir.Table:
    """Nothing is installed before the first day, unless the file says so."""
    nothing = ibis.literal([], "array<string>")
    if HISTORY not in users.columns:
        return users.mutate(**{HISTORY: nothing})
    return users.mutate(**{HISTORY: users[HISTORY].fill_null(nothing)})
