from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.event_log import EventLog
from serving.user_store import Event, LmdbUserStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbUserStore]:
    opened = LmdbUserStore(tmp_path / "users")
    yield opened
    opened.close()


def keep(store: LmdbUserStore, *event_ids: str) -> None:
    now = dt.datetime(2024, 3, 14, tzinfo=dt.UTC)
    store.append([Event(event_id, "ann", "x", "click", now) for event_id in event_ids])


def lines(folder: Path) -> list[dict[str, Any]]:
    [path] = folder.glob("day=*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_log_follows_the_store(store: LmdbUserStore, tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    assert log.follow(store) == 0
    keep(store, "a", "b")
    assert log.follow(store) == 2
    keep(store, "b", "c")
    assert log.follow(store) == 1
    assert [line["event_id"] for line in lines(tmp_path / "events")] == ["a", "b", "c"]
    assert lines(tmp_path / "events")[0] == {
        "sequence": 1,
        "event_id": "a",
        "user_id": "ann",
        "app_id": "x",
        "kind": "click",
        "time": "2024-03-14T00:00:00+00:00",
        "request_id": None,
    }


@pytest.mark.parametrize("kept_bytes", [0, 1, 100, -1])
def test_a_torn_log_loses_and_doubles_nothing(
    store: LmdbUserStore, tmp_path: Path, kept_bytes: int
) -> None:
    keep(store, "a", "b", "c")
    EventLog(tmp_path / "events").follow(store)
    [path] = (tmp_path / "events").iterdir()
    path.write_bytes(path.read_bytes()[:kept_bytes])
    keep(store, "d")
    EventLog(tmp_path / "events").follow(store)
    assert [line["event_id"] for line in lines(tmp_path / "events")] == ["a", "b", "c", "d"]


def test_a_day_whose_only_line_is_torn_goes_on_from_the_day_before(
    store: LmdbUserStore, tmp_path: Path
) -> None:
    keep(store, "a")
    EventLog(tmp_path).follow(store)
    [written] = tmp_path.glob("day=*.jsonl")
    written.rename(tmp_path / "day=2024-03-13.jsonl")
    (tmp_path / "day=2024-03-14.jsonl").write_text('{"sequ')
    keep(store, "b")
    assert EventLog(tmp_path).follow(store) == 1
    assert (tmp_path / "day=2024-03-14.jsonl").read_text() == ""
