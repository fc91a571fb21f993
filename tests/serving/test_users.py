from __future__ import annotations

import contextlib
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fake_store import app_id, publish, server, wait_for

from recsys.workspace import Workspace
from serving.lmdb_store import LmdbUserStore


def event(user_id: str, kind: str, app: str, event_id: str | None = None) -> dict[str, Any]:
    event_id = event_id or f"{user_id}-{kind}-{app}"
    return {"event_id": event_id, "user_id": user_id, "kind": kind, "app_id": app}


def post(client: httpx.Client, *events: dict[str, Any]) -> httpx.Response:
    return client.post("/v1/events", json={"events": list(events)})


def shelf(client: httpx.Client, user_id: str) -> list[str]:
    body = client.post("/v1/recommend", json={"user_id": user_id, "k": 60}).json()
    return [item["app_id"] for item in body["items"]]


def test_users_by_pages(client: httpx.Client) -> None:
    first = client.get("/v1/users", params={"limit": 3}).json()
    assert [user["user_id"] for user in first["users"]] == ["u000", "u001", "u002"]
    assert first["users"][1]["profile"]["country"] == "DE"
    assert first["users"][1]["num_installed"] == 1
    rest = client.get("/v1/users", params={"limit": 100, "after": first["next"]}).json()
    assert len(rest["users"]) == 37
    assert rest["next"] is None
    tens = client.get("/v1/users", params={"prefix": "u01", "limit": 10}).json()
    assert len(tens["users"]) == 10
    assert tens["next"] is None
    assert client.get("/v1/users", params={"limit": 1_001}).status_code == 422


def test_a_user_and_what_is_installed(client: httpx.Client) -> None:
    body = client.get("/v1/users/u002").json()
    assert body["profile"]["language"] == "pt"
    assert [app["title"] for app in body["installed"]] == ["Morning Pages", "Tidal Chart"]
    assert client.get("/v1/users/nobody").status_code == 404


def test_an_install_is_off_the_shelf_and_an_uninstall_back(client: httpx.Client) -> None:
    assert app_id(0) in shelf(client, "u005")
    assert post(client, event("u005", "install", app_id(0))).json() == {
        "accepted": 1,
        "duplicates": 0,
    }
    assert app_id(0) not in shelf(client, "u005")
    assert client.get("/v1/users/u005").json()["installed"][-1]["app_id"] == app_id(0)
    post(client, event("u005", "uninstall", app_id(0)))
    assert app_id(0) in shelf(client, "u005")


def test_events_are_idempotent(client: httpx.Client) -> None:
    twice = event("u010", "install", app_id(0))
    assert post(client, twice, twice).json() == {"accepted": 1, "duplicates": 1}
    post(client, event("u010", "uninstall", app_id(0)))
    assert post(client, twice).json() == {"accepted": 0, "duplicates": 1}
    assert app_id(0) in shelf(client, "u010")


def test_an_unknown_user_comes_to_be_known(client: httpx.Client) -> None:
    post(client, event("stranger", "install", app_id(3)), event("stranger", "install", "unheard"))
    body = client.get("/v1/users/stranger").json()
    assert body["profile"] == {}
    assert [app["app_id"] for app in body["installed"]] == [app_id(3), "unheard"]
    assert app_id(3) not in shelf(client, "stranger")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "purchase"},
        {"app_id": ""},
        {"event_id": "e" * 121},
        {"time": "yesterday"},
        {"time": "2024-03-14T12:00:00"},
        {"price": 3},
    ],
)
def test_a_wrong_event_is_refused_and_nothing_is_kept(
    client: httpx.Client, wrong: dict[str, Any]
) -> None:
    good = event("u015", "install", app_id(0))
    answer = post(client, good, {**good, "event_id": "other", **wrong})
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.json()["detail"]
    assert app_id(0) in shelf(client, "u015")


def test_too_many_events_or_none(client: httpx.Client) -> None:
    many = [event("u015", "click", "x", str(number)) for number in range(1_001)]
    assert post(client, *many).status_code == 422
    assert post(client).status_code == 422


def test_events_outlive_the_server(workspace: Workspace) -> None:
    publish(workspace, "v1")
    told = {**event("u000", "install", app_id(0)), "time": hours_ago(3)}
    for expected in ({"accepted": 1, "duplicates": 0}, {"accepted": 0, "duplicates": 1}):
        with server(workspace) as url, httpx.Client(base_url=url) as client:
            wait_for(url)
            assert post(client, told).json() == expected
            assert app_id(0) not in shelf(client, "u000")
    with contextlib.closing(LmdbUserStore(workspace.serving / "users")) as store:
        [(_, kept)] = store.events_after(0)
    assert kept.time == dt.datetime.fromisoformat(told["time"])


def hours_ago(hours: float) -> str:
    """That time, as a client an hour east of Greenwich writes it."""
    zone = dt.timezone(dt.timedelta(hours=1))
    return (dt.datetime.now(zone) - dt.timedelta(hours=hours)).isoformat()


def test_an_event_that_is_older_than_ids_are_remembered_is_refused(client: httpx.Client) -> None:
    good, old = event("u015", "install", app_id(0)), event("u015", "install", app_id(1))
    answer = post(client, good, {**old, "time": hours_ago(24 * 7 + 1)})
    assert answer.status_code == 422
    assert "at most 7 days before its arrival" in answer.json()["detail"]
    assert post(client, {**old, "time": "0001-01-01T00:00:00+14:00"}).status_code == 422
    assert {app_id(0), app_id(1)} <= {*shelf(client, "u015")}


@pytest.mark.parametrize("missing", ["request_id", "position"])
def test_an_impression_says_of_which_page_it_is_and_where(
    client: httpx.Client, missing: str
) -> None:
    event_of = event("u017", "impression", app_id(0), f"without {missing}")
    shown = {**event_of, "request_id": missing, "position": 3}
    assert post(client, shown).json()["accepted"] == 1
    del shown[missing]
    answer = post(client, {**shown, "event_id": "other"})
    assert answer.status_code == 422
    assert "an impression needs the request_id of its page and its position" in answer.text


def test_many_clients_at_once_keep_every_event_once(client: httpx.Client) -> None:
    def send(number: int) -> int:
        some = [event("u018", "click", f"app{number}-{place}") for place in range(10)]
        accepted: int = post(client, *some).json()["accepted"]
        return accepted

    with ThreadPoolExecutor(16) as clients:
        accepted = list(clients.map(send, [*range(40), *range(40)]))
    assert sum(accepted) == 400
