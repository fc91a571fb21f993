"""One test-suite over both stores."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from loadtests.redis_server import redis_server
from recsys.errors import BadInput
from serving.lmdb_store import LmdbUserStore
from serving.redis_store import RedisUserStore
from serving.user_store import Event, EventKind, StoreUnavailable, UserRecord, UserStore

NOON = dt.datetime(2024, 3, 14, 12, tzinfo=dt.UTC)
Open = Callable[[], UserStore]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["lmdb", "redis"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens an empty store, and the same one again."""
    stores: list[UserStore] = []
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
        with redis.Redis.from_url(url) as anew:
            anew.flushdb()

    def open_it() -> UserStore:
        if request.param == "redis":
            stores.append(RedisUserStore(url))
        else:
            for store in stores:  # a process opens an LMDB once
                store.close()
            stores[:] = [LmdbUserStore(tmp_path / "users")]
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> UserStore:
    return opened()


def event(event_id: str, kind: EventKind, app_id: str, user_id: str = "ann") -> Event:
    return Event(event_id, user_id, app_id, kind, NOON)


def installed(store: UserStore, user_id: str = "ann") -> tuple[str, ...]:
    record = store.get(user_id)
    assert record is not None
    return record.installed_app_ids


def test_a_record_reads_back_as_it_was(store: UserStore) -> None:
    ann = UserRecord("ann", {"country": "NO", "age": 31, "likes": ["a", "b"]}, ("x", "y"))
    store.replace([ann], "one")
    assert store.get("ann") == ann
    assert store.get("bob") is None
    assert store.get("") is None
    assert store.get("b" * 1_000) is None


def test_several_users_at_once(store: UserStore) -> None:
    records = [UserRecord("ann", {"country": "NO"}, ("x",)), UserRecord("bob")]
    store.replace(records, "one")
    assert store.get_many(["bob", "nobody", "ann", "bob", ""]) == [
        *(records[1], None, records[0], records[1], None)
    ]
    assert store.get_many([]) == []


def test_installs_and_uninstalls_change_the_list_in_order(store: UserStore) -> None:
    store.replace([UserRecord("ann", {}, ("x",))], "one")
    store.append([event("1", "install", "y"), event("2", "install", "z")])
    assert installed(store) == ("x", "y", "z")
    store.append([event("3", "uninstall", "y"), event("4", "install", "x")])
    assert installed(store) == ("x", "z")
    store.append([event("5", "uninstall", "x"), event("6", "uninstall", "z")])
    assert installed(store) == ()
    store.append([event("7", "install", "y")])
    assert installed(store) == ("y",)


def test_events_leave_a_profile_as_it_is(store: UserStore) -> None:
    profile = {"country": "NO", "share": 0.1234567890123456789, "likes": [], "of": {"a": None}}
    store.replace([UserRecord("ann", profile, ())], "one")
    store.append([event("1", "install", "y")])
    assert store.get("ann") == UserRecord("ann", profile, ("y",))


def test_clicks_and_impressions_change_no_list(store: UserStore) -> None:
    store.replace([UserRecord("ann", {}, ("x",))], "one")
    store.append([event("1", "click", "y"), event("2", "impression", "z")])
    assert installed(store) == ("x",)


def test_an_event_counts_once(store: UserStore) -> None:
    first = [event("1", "install", "x"), event("2", "uninstall", "x"), event("1", "install", "x")]
    assert store.append(first) == [True, True, False]
    assert store.append([event("1", "install", "x")]) == [False]
    assert installed(store) == ()
    assert [sequence for sequence, _ in store.events_after(0)] == [1, 2]


def test_an_app_on_a_page_is_shown_once(store: UserStore) -> None:
    def shown(event_id: str, request_id: str, app_id: str) -> Event:
        return Event(event_id, "ann", app_id, "impression", NOON, request_id, 1)

    seen = [shown("1", "r", "x"), shown("2", "r", "x"), shown("3", "r", "y"), shown("4", "s", "x")]
    assert store.append(seen) == [True, False, True, True]
    assert store.append([shown("1", "other", "z")]) == [False]
    # What a repeated impression was called may be the name of something else.
    assert store.append([event("2", "click", "x")]) == [True]


def test_events_come_back_as_they_were_kept(store: UserStore) -> None:
    kept = [event(str(number), "click", f"app{number}") for number in range(3_000)]
    store.append(kept[:100])
    store.append(kept[100:])
    assert [found for _, found in store.events_after(0)] == kept
    assert [found for _, found in store.events_after(2_998)] == kept[2_998:]
    assert list(store.events_after(3_000)) == []


def test_a_user_known_by_events_alone_has_a_record(store: UserStore) -> None:
    store.append([event("1", "install", "x", "new"), event("2", "click", "x", "curious")])
    assert store.get("new") == UserRecord("new", {}, ("x",))
    assert store.get("curious") == UserRecord("curious")
    assert [record.user_id for record in store.page("", "", 9)] == ["curious", "new"]


def test_a_newer_snapshot_never_undoes_what_a_user_did_here(store: UserStore) -> None:
    store.replace([UserRecord("ann", {"device": "old"}, ("x",)), UserRecord("gone")], "one")
    store.append([event("1", "install", "y"), event("2", "uninstall", "x")])
    store.replace([UserRecord("ann", {"device": "new"}, ("x", "z"))], "two")
    assert store.get("ann") == UserRecord("ann", {"device": "new"}, ("z", "y"))
    assert store.get("gone") is None
    assert store.num_users() == 1
    assert store.snapshot == "two"


def test_a_snapshot_that_knows_some_events_gets_the_others(store: UserStore) -> None:
    store.append([event("1", "install", "a"), event("2", "install", "b")])
    store.replace([UserRecord("ann", {}, ("z",))], "one", after=1)
    assert installed(store) == ("z", "b")
    store.replace([], "none", after=2)
    assert (store.num_users(), store.snapshot) == (0, "none")


def test_what_happens_during_a_load_is_played_over_it(store: UserStore) -> None:
    """Another process may append; LMDB lets it wait, so there it is this one's next event."""

    def slowly() -> Iterator[UserRecord]:
        yield UserRecord("ann", {}, ("x",))
        if not store.is_embedded:
            store.append([event("meanwhile", "install", "y")])

    store.replace(slowly(), "one")
    if store.is_embedded:
        store.append([event("meanwhile", "install", "y")])
    assert installed(store) == ("x", "y")


def test_a_load_that_fails_leaves_the_old_records(store: UserStore) -> None:
    store.replace([UserRecord("ann")], "one")
    with pytest.raises(BadInput, match="121 characters"):
        store.replace([UserRecord("bob"), UserRecord("b" * 121)], "two")
    assert (store.get("ann"), store.get("bob")) == (UserRecord("ann"), None)
    assert store.snapshot == "one"


@pytest.mark.parametrize("odd", ["😀" * 120, 'a"b\\c', "a/b\x00\n\x7f", "[]", "{}", "-", "(x"])
def test_odd_ids_are_kept_as_they_are(store: UserStore, odd: str) -> None:
    store.replace([UserRecord(odd, {odd: odd}, (odd,))], "one")
    store.append([Event(odd, odd, f"{odd[:60]}2", "install", NOON, odd)])
    assert store.get(odd) == UserRecord(odd, {odd: odd}, (odd, f"{odd[:60]}2"))
    assert [record.user_id for record in store.page("", "", 9)] == [odd]
    assert [record.user_id for record in store.page(odd, "", 9)] == [odd]
    assert store.page(odd, odd, 9) == []
    assert [found.request_id for _, found in store.events_after(0)] == [odd]


def test_pages_of_users(store: UserStore) -> None:
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
    assert names(prefix="å", after="å") == ["åse"]


def test_the_journal_forgets_what_is_old_and_its_ids(store: UserStore) -> None:
    def at(event_id: str, hour: int) -> Event:
        return Event(event_id, "ann", event_id, "install", NOON.replace(hour=hour))

    old = [at(f"old{number}", 9) for number in range(1_200)]
    store.append([*old, at("late", 8), at("young", 12), at("behind", 9)])
    assert store.forget_before(NOON) == 1_201
    # It goes once what came before it does.
    assert [found.event_id for _, found in store.events_after(0)] == ["young", "behind"]
    assert store.append([at("old7", 9), at("young", 12)]) == [True, False]
    assert [sequence for sequence, _ in store.events_after(0)] == [1_202, 1_203, 1_204]
    assert len(installed(store)) == 1_203
    assert store.forget_before(NOON.replace(hour=13)) == 3
    store.append([at("next", 14)])
    assert [sequence for sequence, _ in store.events_after(0)] == [1_205]


def test_all_is_there_when_it_is_opened_again(opened: Open) -> None:
    before = opened()
    before.replace([UserRecord("ann")], "one")
    before.append([event("1", "install", "x")])
    known = before.store_id
    assert len(known) == 32
    after = opened()
    assert after.store_id == known
    assert installed(after) == ("x",)
    assert after.append([event("1", "install", "x")]) == [False]
    assert after.num_users() == 1


def test_two_threads_keep_each_event_once(store: UserStore) -> None:
    kept: list[bool] = []

    def send() -> None:
        for first in range(0, 400, 20):
            some = [event(str(n), "install", f"app{n % 7}") for n in range(first, first + 20)]
            kept.extend(store.append(some))

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(kept) == 400
    assert sorted(int(found.event_id) for _, found in store.events_after(0)) == list(range(400))
    assert sorted(installed(store)) == [f"app{n}" for n in range(7)]


def test_a_redis_that_may_lose_events_is_refused(tmp_path: Path) -> None:
    settings = ("--appendfsync", "everysec", "--maxmemory", "64mb")
    policy = ("--maxmemory-policy", "allkeys-lru")
    with (
        redis_server(tmp_path, *settings, *policy) as url,
        pytest.raises(BadInput, match="appendfsync everysec, maxmemory-policy allkeys-lru"),
    ):
        RedisUserStore(url)


def test_a_redis_that_is_gone_says_so(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        store = RedisUserStore(url)
        store.append([event("1", "install", "x")])
    with pytest.raises(StoreUnavailable, match="does not answer"):
        store.get("ann")
    with pytest.raises(StoreUnavailable):
        store.append([event("2", "click", "x")])
    store.close()
    with pytest.raises(BadInput, match="does not answer"):
        RedisUserStore(url)
    with redis_server(tmp_path) as url:
        again = RedisUserStore(url)
        assert installed(again) == ("x",)
        again.close()
