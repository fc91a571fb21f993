"""From what a client reports to the event that is kept."""

from __future__ import annotations

import datetime as dt

from recsys.errors import BadInput
from serving import request_ids
from serving.api import ReportedEvent
from serving.user_store import Event


def accepted(reported: ReportedEvent, now: dt.datetime, max_age: dt.timedelta) -> Event:
    """The event as it is kept. Clients' clocks are wrong now and then: what is said to have
    happened after its arrival, or before the page that it answers, happened then.

    Args:
        reported: what the client says.
        now: when it arrived, UTC.
        max_age: how long ids are remembered.

    Raises:
        BadInput: it happened longer ago than that, so it can't be told from a repetition.
    """
    time = reported.time or now
    if now - time > max_age:
        raise BadInput(
            f"event {reported.event_id!r} happened at {time.isoformat()}, expected at most "
            f"{max_age.days} days before its arrival: drop it, its id is not remembered so long."
        )
    asked = request_ids.asked_at(reported.request_id, now, max_age)
    return Event(
        event_id=reported.event_id,
        user_id=reported.user_id,
        app_id=reported.app_id,
        kind=reported.kind,
        time=min(now, max(time, asked or time)).astimezone(dt.UTC),
        request_id=reported.request_id,
        position=reported.position,
    )
