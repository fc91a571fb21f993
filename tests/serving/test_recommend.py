from __future__ import annotations

from typing import Any

import httpx
import pytest
from fake_store import NUM_APPS, app_id


def ask(client: httpx.Client, **request: Any) -> httpx.Response:
    return client.post("/v1/recommend", json=request)


def shown(client: httpx.Client, **request: Any) -> list[str]:
    answer = ask(client, **request)
    assert answer.status_code == 200, answer.text
    return [item["app_id"] for item in answer.json()["items"]]


def test_a_page_is_what_the_contract_says(client: httpx.Client) -> None:
    body = ask(client, user_id="u002", k=3).json()
    assert set(body) == {"request_id", "bundle", "experiment", "degraded", "items"}
    assert body["bundle"] == "v1"
    assert body["items"][0] == {
        "position": 1,
        "app_id": app_id(2),
        "title": "Sourdough",
        "category": "Food",
        "score": 0.5,
        "sources": ["retrieval", "popular"],
    }
    assert [item["position"] for item in body["items"]] == [1, 2, 3]


def test_request_ids_differ(client: httpx.Client) -> None:
    ids = {ask(client, user_id="u002").json()["request_id"] for _ in range(5)}
    assert len(ids) == 5


def test_twenty_apps_unless_told_otherwise(client: httpx.Client) -> None:
    assert len(shown(client, user_id="u000")) == 20


def test_installed_and_excluded_apps_are_not_shown(client: httpx.Client) -> None:
    assert shown(client, user_id="u004", k=2) == [app_id(4), app_id(5)]
    excluded = [app_id(4), "com.nobody.knows"]
    assert shown(client, user_id="u004", k=2, exclude=excluded) == [app_id(5), app_id(6)]


def test_the_context_wins_over_the_profile(client: httpx.Client) -> None:
    assert app_id(9) not in shown(client, user_id="u000", k=60)
    assert app_id(9) in shown(client, user_id="u000", k=60, context={"country": "NO"})


@pytest.mark.parametrize(
    "request_",
    [
        {"user_id": "nobody"},
        {"user_id": "u000", "context": {"country": "Atlantis", "device": "abacus"}},
        {"user_id": "u000", "context": {"country": None}},
        {"user_id": "u000", "seed_app": "com.nobody.knows"},
        {"user_id": "u000", "exclude": ["com.nobody.knows"]},
        {"user_id": "ユーザー"},
    ],
)
def test_odd_requests_get_a_full_page(client: httpx.Client, request_: dict[str, Any]) -> None:
    assert len(shown(client, **request_)) == 20


def test_k_beyond_the_catalogue_gives_all_eligible_apps(client: httpx.Client) -> None:
    only_norwegian = NUM_APPS // 10
    assert len(shown(client, user_id="u000", k=1_000)) == NUM_APPS - only_norwegian


def test_a_page_may_be_empty(client: httpx.Client) -> None:
    everything = [app_id(number) for number in range(NUM_APPS)]
    assert shown(client, user_id="u000", exclude=everything) == []


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "u" * 121}, "user_id"),
        ({"user_id": 7}, "user_id"),
        ({"user_id": "u000", "k": 0}, "body.k"),
        ({"user_id": "u000", "k": 1_001}, "at most 1000"),
        ({"user_id": "u000", "k": "20"}, "body.k"),
        ({"user_id": "u000", "k": 2.5}, "body.k"),
        ({"user_id": "u000", "number": 3}, "number"),
        ({"user_id": "u000", "context": {"planet": "Mars"}}, "planet"),
        ({"user_id": "u000", "context": {"country": "x" * 101}}, "country"),
        ({"user_id": "u000", "exclude": ["a"] * 5_001}, "exclude"),
        ({"user_id": "u000", "exclude": [None]}, "exclude"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(
    client: httpx.Client, request_: dict[str, Any], says: str
) -> None:
    answer = ask(client, **request_)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"user_id": "\\ud800"}', b'{"user_id": "u0", "k": NaN}']
)
def test_bytes_that_are_no_request_are_refused(client: httpx.Client, content: bytes) -> None:
    answer = client.post(
        "/v1/recommend", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_neighbours_of_an_app(client: httpx.Client) -> None:
    body = client.get(f"/v1/similar/{app_id(0)}", params={"k": 3}).json()
    assert body["bundle"] == "v1"
    assert [item["app_id"] for item in body["items"]] == [app_id(7), app_id(14), app_id(21)]


def test_neighbours_of_an_unknown_app(client: httpx.Client) -> None:
    answer = client.get("/v1/similar/com.nobody.knows")
    assert answer.status_code == 404
    assert "com.nobody.knows" in answer.json()["detail"]
    assert client.get(f"/v1/similar/{app_id(0)}", params={"k": 1_001}).status_code == 422


def test_what_the_catalogue_says(client: httpx.Client) -> None:
    app = client.get(f"/v1/apps/{app_id(0)}").json()
    assert (app["title"], app["release_day"]) == ("Morning Pages", "2024-01-01")
    assert app["price"] == pytest.approx(2.99)
    assert client.get("/v1/apps/com.nobody.knows").status_code == 404
    several = client.get("/v1/apps", params={"id": [app_id(1), "com.nobody.knows"]}).json()["apps"]
    assert several[0]["title"] == "Tidal Chart"
    assert several[1] == {"app_id": "com.nobody.knows"}


def test_what_can_be_asked_for(client: httpx.Client) -> None:
    assert client.get("/v1/catalogue").json() == {
        "bundle": "v1",
        "num_apps": 60,
        "countries": ["NO"],
        "devices": ["phone", "tablet"],
    }
