"""What a user had installed when they asked: the join that is correct at a point in time.

Each stay of an app on a user's device is an interval, from a snapshot or an install to the next
install or uninstall of that app. A request sees the stays that began strictly before it and had
not ended by then, so nothing that happened at or after the request can be seen.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from recsys.engine.lists import collected
from recsys.tables import INSTALL, UNINSTALL

_ALWAYS = "0001-01-01 00:00:00+00:00"
"""When the apps of a snapshot were installed: before anything that is logged."""


def at_request(requests: ir.Table, users: ir.Table, outcomes: ir.Table) -> ir.Table:
    """The history of every request that has one.

    Args:
        requests: `request_id`, `user_id`, `time`.
        users: the last snapshot, `user_id` and `installed_app_ids`.
        outcomes: what happened from the snapshot on; clicks are no matter.

    Returns:
        `request_id` and `installed_app_ids`: by time of installation, the oldest first; those of
        the snapshot come first, in its order. An app that is installed again moves to the end.
    """
    asked = requests.select("request_id", "user_id", "time")
    stays = _stays(users.semi_join(asked, "user_id"), outcomes.semi_join(asked, "user_id"))
    seen = asked.inner_join(
        stays,
        [
            asked.user_id == stays.user_id,
            stays.since < asked.time,
            stays.until.isnull() | (stays.until >= asked.time),
        ],
    )
    in_order = collected(seen.app_id, order_by=[seen.since, seen.place])
    return seen.group_by("request_id").agg(installed_app_ids=in_order)


def _stays(users: ir.Table, outcomes: ir.Table) -> ir.Table:
    """`user_id`, `app_id`, `since`, `until` (null: still there) and `place` in the snapshot."""
    time = outcomes.time.type()
    listed = users.select("user_id", app_id="installed_app_ids")
    snapshot = listed.unnest("app_id", offset="place").select(
        "user_id",
        "app_id",
        "place",
        since=ibis.literal(_ALWAYS).cast(time),
        kind=ibis.literal(INSTALL),
    )
    changes = outcomes.filter(outcomes.kind.isin([INSTALL, UNINSTALL])).select(
        "user_id",
        "app_id",
        "kind",
        place=ibis.literal(0, "int64"),
        since=outcomes.time,
    )
    events = snapshot.union(changes.select(snapshot.columns))
    # Of an install and an uninstall in one microsecond, the install came first ("i" < "u").
    same_app = ibis.window(group_by=["user_id", "app_id"], order_by=["since", "kind"])
    ended = events.mutate(until=events.since.lead().over(same_app))
    return ended.filter(ended.kind == INSTALL)
