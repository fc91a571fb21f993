from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.errors import BadInput
from serving.user_store import Event, EventKind, LmdbUserStore, UserRecord

NOON = dt.datetime(2024, 3, 14, 12, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbUserStore]:
    opened = LmdbUserStore(tmp_path / "users")
    yield opened
    opened.close()


def event(event_id: str, kind: EventKind, app_id: str, user_id: str = "ann") -> Event:
    return Event(event_id, user_id, app_id, kind, NOON)


def installed(store: LmdbUserStore, user_id: str = "ann") -> tuple[str, ...]:
    record = store.get(user_id)
    assert record is not None
    return record.installed_app_ids


def test_a_record_reads_back_as_it_was(store: LmdbUserStore) -> None:
    ann = UserRecord("ann", {"country": "NO", "age": 31, "likes": ["a", "b"]}, ("x", "y"))
    store.replace([ann], "one")
    assert store.get("ann") == ann
    assert store.get("bob") is None
    assert store.get("") is None
    assert store.get("b" * 1_000) is None


def test_installs_and_uninstalls_change_the_list_in_order(store: LmdbUserStore) -> None:
    store.replace([UserRecord("ann", {}, ("x",))], "one")
    store.append([event("1", "install", "y"), event("2", "install", "z")])
    assert installed(store) == ("x", "y", "z")
    store.append([event("3", "uninstall", "y"), event("4", "install", "x")])
    assert installed(store) == ("x", "z")


def test_clicks_and_impressions_change_no_list(store: LmdbUserStore) -> None:
    store.replace([UserRecord("ann", {}, ("x",))], "one")
    store.append([event("1", "click", "y"), event("2", "impression", "z")])
    assert installed(store) == ("x",)


def test_an_event_counts_once(store: LmdbUserStore) -> None:
    first = [event("1", "install", "x"), event("2", "uninstall", "x"), event("1", "install", "x")]
    assert [e.event_id for e in store.append(first)] == ["1", "2"]
    assert store.append([event("1", "install", "x")]) == []
    assert installed(store) == ()
    assert [sequence for sequence, _ in store.events_after(0)] == [1, 2]


def test_events_come_back_as_they_were_kept(store: LmdbUserStore) -> None:
    kept = [event(str(number), "click", f"app{number}") for number in range(300)]
    store.append(kept[:100])
    store.append(kept[100:])
    assert [found for _, found in store.events_after(0)] == kept
    assert [found for _, found in store.events_after(298)] == kept[298:]
    assert list(store.events_after(300)) == []


def test_a_user_known_by_events_alone_has_a_record(store: LmdbUserStore) -> None:
    store.append([event("1", "install", "x", "new")])
    assert store.get("new") == UserRecord("new", {}, ("x",))


def test_a_newer_snapshot_never_undoes_what_a_user_did_here(store: LmdbUserStore) -> None:
    store.replace([UserRecord("ann", {"device": "old"}, ("x",)), UserRecord("gone")], "one")
    store.append([event("1", "install", "y"), event("2", "uninstall", "x")])
    store.replace([UserRecord("ann", {"device": "new"}, ("x", "z"))], "two")
    assert store.get("ann") == UserRecord("ann", {"device": "new"}, ("z", "y"))
    assert store.get("gone") is None
    assert store.snapshot == "two"


def test_a_load_that_fails_leaves_the_old_records(store: LmdbUserStore) -> None:
    store.replace([UserRecord("ann")], "one")
    with pytest.raises(BadInput, match="121 characters"):
        store.replace([UserRecord("bob"), UserRecord("b" * 121)], "two")
    assert (store.get("ann"), store.get("bob")) == (UserRecord("ann"), None)
    assert store.snapshot == "one"


def test_the_longest_id_fits_in_any_script(store: LmdbUserStore) -> None:
    longest = "😀" * 120
    store.replace([UserRecord(longest)], "one")
    assert store.get(longest) is not None


def test_pages_of_users(store: LmdbUserStore) -> None:
    store.replace([UserRecord(name) for name in ("bob", "ann", "åse", "anna", "anton")], "one")

    def names(prefix: str = "", after: str = "", limit: int = 9) -> list[str]:
        return [record.user_id for record in store.page(prefix, after, limit)]

    assert names() == ["ann", "anna", "anton", "bob", "åse"]
    assert names(limit=2) == ["ann", "anna"]
    assert names(after="anna") == ["anton", "bob", "åse"]
    assert names(prefix="ann") == ["ann", "anna"]
    assert names(prefix="ann", after="ann") == ["anna"]
    assert names(prefix="b", after="ann") == ["bob"]
    assert names(prefix="c") == []


def test_all_is_there_after_a_restart(tmp_path: Path) -> None:
    before = LmdbUserStore(tmp_path)
    before.replace([UserRecord("ann")], "one")
    before.append([event("1", "install", "x")])
    before.close()
    after = LmdbUserStore(tmp_path)
    assert installed(after) == ("x",)
    assert after.append([event("1", "install", "x")]) == []
    assert after.num_users() == 1
    after.close()
