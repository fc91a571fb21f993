"""The server answers what the recommender says: the last leg of `tests/test_scores_agree.py`."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fake_store import server, wait_for
from tiny_pipeline import TinyPipeline

from recsys.bundle import Bundle
from recsys.query import Query
from recsys.recommender import Recommender
from recsys.workspace import Workspace
from serving.versions import load_recommender

NUM_REQUESTS = 1_000
TOLERANCE = 1e-5
COUNTRIES = ("US", "NO", "Atlantis", None)
SURFACES = ("home", "search", None)


@pytest.fixture(scope="module")
def client(
    tiny: TinyPipeline, tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """Speaks to a server that serves the tiny bundle to the tiny store's users."""
    root = tmp_path_factory.mktemp("served") / "workspace"
    shutil.copytree(tiny.workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    workspace.current_bundle.write_text(f"{tiny_bundle.version}\n")
    with server(workspace, load_recommender) as url, httpx.Client(base_url=url) as speaking:
        wait_for(url)
        yield speaking


def users(client: httpx.Client) -> list[dict[str, Any]]:
    """What the server knows of each user, and of one who is unknown."""
    found = client.get("/v1/users", params={"limit": 200}).json()["users"]
    every = [client.get(f"/v1/users/{user['user_id']}").json() for user in found]
    return [*every, {"user_id": "nobody", "profile": {}, "installed": []}]


def request(user: dict[str, Any], number: int) -> dict[str, Any]:
    given = {"country": COUNTRIES[number % 4], "surface": SURFACES[number % 3]}
    context = {name: value for name, value in given.items() if value}
    return {"user_id": user["user_id"], "k": 10, "context": context}


def query(user: dict[str, Any], asked: dict[str, Any], now: dt.datetime) -> Query:
    """By the contract: the context over the profile, and what is installed."""
    return Query(
        user_id=user["user_id"],
        time=now,
        features={**user["profile"], **asked["context"]},
        installed_app_ids=[app["app_id"] for app in user["installed"]],
        k=asked["k"],
    )


def scored(items: list[Any]) -> dict[str, float]:
    return {item["app_id"]: item["score"] for item in items}


def differs(answer: dict[str, float], recommender: Recommender, asked: Query) -> float:
    """The greatest difference of scores; infinite where pages hold other apps."""
    [page] = recommender.recommend([asked])
    expected = {item.app_id: item.score for item in page.items}
    if answer.keys() != expected.keys():
        return float("inf")
    return max(abs(answer[app] - score) for app, score in expected.items())


def test_a_thousand_requests_score_the_same_over_http(
    client: httpx.Client, tiny_bundle: Bundle, tiny_recommender: Recommender
) -> None:
    known = users(client)
    assert len(known) > 150
    before = dt.datetime.now(dt.UTC)
    answers = []
    for number in range(NUM_REQUESTS):
        user = known[number % len(known)]
        asked = request(user, number)
        body = client.post("/v1/recommend", json=asked).raise_for_status().json()
        assert body["bundle"] == tiny_bundle.version
        assert len(body["items"]) == 10
        answers.append((user, asked, scored(body["items"])))
    after = dt.datetime.now(dt.UTC)
    # The hour is a feature, and may have changed on the way.
    times = {time.replace(minute=0, second=0, microsecond=0) for time in (before, after)}
    differences = [
        min(differs(answer, tiny_recommender, query(user, asked, now)) for now in times)
        for user, asked, answer in answers
    ]
    assert max(differences) <= TOLERANCE


def test_neighbours_are_the_same_over_http(
    client: httpx.Client, tiny_recommender: Recommender
) -> None:
    catalogue = tiny_recommender.catalogue
    for app in catalogue.app_ids(catalogue.newest(20)):
        items = client.get(f"/v1/similar/{app}", params={"k": 5}).json()["items"]
        expected = {item.app_id: item.score for item in tiny_recommender.similar(app, 5)}
        assert scored(items) == pytest.approx(expected, abs=TOLERANCE)
