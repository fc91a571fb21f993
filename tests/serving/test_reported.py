from __future__ import annotations

import datetime as dt

import pytest

from recsys.errors import BadInput
from serving import request_ids
from serving.api import ReportedEvent
from serving.reported import accepted

NOW = dt.datetime(2024, 3, 14, 12, tzinfo=dt.UTC)
HOUR, WEEK = dt.timedelta(hours=1), dt.timedelta(days=7)


def reported(time: dt.datetime | None, request_id: str | None = None) -> ReportedEvent:
    return ReportedEvent(
        event_id="e", user_id="u", app_id="a", kind="click", time=time, request_id=request_id
    )


def test_an_event_without_a_time_happened_when_it_arrived() -> None:
    assert accepted(reported(None), NOW, WEEK).time == NOW


def test_times_are_kept_in_utc() -> None:
    there = dt.timezone(dt.timedelta(hours=-8))
    kept = accepted(reported((NOW - HOUR).astimezone(there)), NOW, WEEK).time
    assert (kept, kept.tzinfo) == (NOW - HOUR, dt.UTC)


def test_nothing_happens_after_its_arrival() -> None:
    assert accepted(reported(NOW + HOUR), NOW, WEEK).time == NOW
    latest = dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-HOUR))
    assert accepted(reported(latest), NOW, WEEK).time == NOW


def test_nothing_happens_before_the_page_that_it_answers() -> None:
    page = request_ids.new(NOW - HOUR)
    assert accepted(reported(NOW - 3 * HOUR, page), NOW, WEEK).time == NOW - HOUR
    assert accepted(reported(NOW - HOUR / 2, page), NOW, WEEK).time == NOW - HOUR / 2
    assert accepted(reported(NOW - 3 * HOUR, "another's"), NOW, WEEK).time == NOW - 3 * HOUR


def test_what_is_older_than_ids_are_remembered_is_refused() -> None:
    assert accepted(reported(NOW - WEEK), NOW, WEEK).time == NOW - WEEK
    first = dt.datetime(1, 1, 1, tzinfo=dt.timezone(14 * HOUR))
    for time in (NOW - WEEK - dt.timedelta(seconds=1), first):
        with pytest.raises(BadInput, match="at most 7 days before its arrival"):
            accepted(reported(time), NOW, WEEK)
