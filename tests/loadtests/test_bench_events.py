from __future__ import annotations

import datetime as dt
from collections import Counter

from loadtests import bench_events

NOON = dt.datetime(2024, 3, 14, 12, tzinfo=dt.UTC)


def test_what_is_missing_and_what_is_there_too_often() -> None:
    assert bench_events.missing_and_doubled("abcd", "abcd") == (0, 0)
    assert bench_events.missing_and_doubled("abcd", "badaa") == (1, 2)
    assert bench_events.missing_and_doubled("ab", "") == (2, 0)


def test_events_are_pages_and_what_came_of_them() -> None:
    made = list(bench_events.events(400, NOON))
    assert len({event["event_id"] for event in made}) == 400
    kinds = Counter(event["kind"] for event in made)
    assert kinds == {"impression": 320, "click": 50, "install": 20, "uninstall": 10}
    shown = [(e["request_id"], e["app_id"]) for e in made if e["kind"] == "impression"]
    assert len({*shown}) == 320
    assert {event["position"] for event in made} == set(range(1, 11))


def test_the_table_says_what_was_lost() -> None:
    latencies = {"events_per_s": 1234.5, "p50_ms": 1.0, "p99_ms": 2.0}
    single = {"1 clients": {**latencies, "requests_per_commit": 1.0}}
    lost = {"num_resent": 7, "num_lost_in_store": 0, "num_lost": 11, "num_doubled": 22}
    store = {**latencies, **lost, "one_event_a_request": single}
    page = bench_events.table({"num_events": 100, "num_kills": 5, "stores": {"lmdb": store}})
    assert "| lmdb | 1,234 | 1.0 | 2.0 | 7 | 0 | 11 | 22 |" in page
    assert "| lmdb | 1 | 1,234 | 1.00 | 2.00 | 1.0 |" in page
