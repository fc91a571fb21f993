from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from fake_store import DAY, app_id, users, write_table

from recsys.workspace import Workspace
from serving import population
from serving.lmdb_store import LmdbUserStore
from serving.publishing import publish
from serving.user_store import Event, UserRecord


@pytest.fixture
def store(workspace: Workspace) -> Iterator[LmdbUserStore]:
    opened = LmdbUserStore(workspace.serving / "users")
    yield opened
    opened.close()


def outcome(user_id: str, kind: str, app: str, day: dt.date, hour: int) -> dict[str, Any]:
    time = dt.datetime.combine(day, dt.time(hour), dt.UTC)
    event_id = f"{user_id}-{kind}-{app}-{day}-{hour}"
    return {"event_id": event_id, "user_id": user_id, "kind": kind, "app_id": app, "time": time}


def test_every_column_of_the_snapshot_is_kept(store: LmdbUserStore, workspace: Workspace) -> None:
    assert population.seed(store, workspace)
    assert store.num_users() == 40
    profile = {"country": "IN", "language": "pt", "device": "phone", "age_band": "25-34"}
    assert store.get("u002") == UserRecord("u002", profile, (app_id(0), app_id(1)))


def test_the_latest_snapshot_and_what_came_after_it(
    store: LmdbUserStore, workspace: Workspace
) -> None:
    before, after = DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)
    write_table(workspace, "users", before, [{"user_id": "u001"}, {"user_id": "left"}])
    write_table(workspace, "outcomes", before, [outcome("u001", "install", "old", before, 9)])
    same_day = [
        outcome("u001", "uninstall", "a", DAY, 20),
        outcome("u001", "install", "a", DAY, 8),
        outcome("u001", "install", "b", DAY, 9),
        outcome("u001", "click", "c", DAY, 9),
        outcome("new", "install", "d", DAY, 9),
    ]
    write_table(workspace, "outcomes", DAY, same_day)
    write_table(workspace, "outcomes", after, [outcome("u001", "uninstall", app_id(0), after, 1)])
    population.seed(store, workspace)
    seeded = store.get("u001")
    assert seeded is not None
    assert seeded.installed_app_ids == ("b",)
    assert store.get("new") == UserRecord("new", {}, ("d",))
    assert store.get("left") is None


def test_a_snapshot_is_loaded_once(store: LmdbUserStore, workspace: Workspace) -> None:
    assert population.seed(store, workspace)
    assert not population.seed(store, workspace)
    write_table(workspace, "users", DAY, [{"user_id": "other"}])
    assert population.seed(store, workspace)
    assert store.num_users() == 1


def test_events_win_over_a_newer_snapshot(store: LmdbUserStore, workspace: Workspace) -> None:
    population.seed(store, workspace)
    store.append([Event("1", "u001", "mine", "install", dt.datetime.now(dt.UTC))])
    write_table(workspace, "users", DAY + dt.timedelta(days=1), [{"user_id": "u001"}])
    assert population.seed(store, workspace)
    assert store.get("u001") == UserRecord("u001", dict.fromkeys(PROFILE), ("mine",))


PROFILE = ("country", "language", "device", "age_band")


def test_progress_reaches_the_end(store: LmdbUserStore, workspace: Workspace) -> None:
    seen: list[tuple[int, int]] = []
    population.seed(store, workspace, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40, 40)


def test_without_users_the_store_stays_empty(store: LmdbUserStore, workspace: Workspace) -> None:
    for path in workspace.logs.rglob("*.parquet"):
        path.unlink()
    workspace.day("users", DAY).rmdir()
    assert not population.seed(store, workspace)
    assert store.snapshot is None


def test_what_the_store_said_itself_is_no_news_to_it(
    store: LmdbUserStore, workspace: Workspace
) -> None:
    population.seed(store, workspace)
    store.append([kept("1", "u001", "mine", dt.datetime.now(dt.UTC))])
    [served] = [
        path
        for path in publish(
            workspace, store, dt.datetime.now(dt.UTC), dt.datetime.now(dt.UTC).date()
        )
        if path.parts[-3] == "outcomes"
    ]
    assert not population.seed(store, workspace)
    served.rename(served.with_name("others.parquet"))
    assert population.seed(store, workspace)
    record = store.get("u001")
    assert record is not None
    assert record.installed_app_ids == (app_id(0), "mine")


def test_a_snapshot_holds_what_happened_before_its_day(
    store: LmdbUserStore, workspace: Workspace
) -> None:
    night = dt.datetime.combine(DAY, dt.time(), dt.UTC)
    before, after = night - dt.timedelta(seconds=1), night + dt.timedelta(seconds=1)
    store.append([kept("1", "u000", "removed-since", before), kept("2", "u000", "new", after)])
    write_table(workspace, "outcomes", DAY, [outcome("u000", "uninstall", "new", DAY, 20)])
    population.seed(store, workspace)
    assert store.get("u000") == UserRecord("u000", profile_of(0), ())
    store.append([kept("3", "u000", "newer", after)])
    assert [found.app_id for _, found in store.events_after(2)] == ["newer"]


def kept(event_id: str, user_id: str, app: str, time: dt.datetime) -> Event:
    return Event(event_id, user_id, app, "install", time)


def profile_of(number: int) -> dict[str, Any]:
    return {name: value for name, value in users()[number].items() if name in PROFILE}
