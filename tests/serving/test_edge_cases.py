"""The edge cases of requests that trip such servers, asked of a real bundle over HTTP."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fake_store import server, wait_for

from recsys import pushes
from recsys.bundle import Bundle
from recsys.fallbacks import SteadyRecommender
from recsys.index.contract import NO_ROW
from recsys.workspace import Workspace
from serving.versions import Load, load_recommender

Serve = Callable[[Load], contextlib.AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="module")
def serve(
    tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Workspace, tiny_bundle: Bundle
) -> Serve:
    @contextlib.contextmanager
    def serving(load: Load) -> Iterator[httpx.Client]:
        root = tmp_path_factory.mktemp("edges") / "store"
        shutil.copytree(tiny_workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
        workspace = Workspace(root)
        shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
        pushes.make_current(workspace, tiny_bundle.version, "a test serves it")
        with server(workspace, load) as url, httpx.Client(base_url=url, timeout=30) as client:
            wait_for(url)
            yield client

    return serving


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[httpx.Client]:
    with serve(load_recommender) as speaking:
        yield speaking


def page(client: httpx.Client, **request: Any) -> list[dict[str, Any]]:
    answer = client.post("/v1/recommend", json=request)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["degraded"] is None
    items: list[dict[str, Any]] = body["items"]
    assert len({item["app_id"] for item in items}) == len(items)
    return items


def num_apps(client: httpx.Client) -> int:
    return int(client.get("/v1/catalogue").json()["num_apps"])


def test_a_user_who_is_not_in_the_store(client: httpx.Client) -> None:
    assert len(page(client, user_id="nobody has this id")) == 20


def test_more_wanted_than_the_index_holds(client: httpx.Client) -> None:
    assert num_apps(client) < 1_000
    assert len(page(client, user_id="nobody", k=1_000)) == num_apps(client)
    app = page(client, user_id="nobody", k=1)[0]["app_id"]
    near = client.get(f"/v1/similar/{app}", params={"k": 1_000}).json()["items"]
    assert len(near) == num_apps(client) - 1


def test_fewer_candidates_than_wanted(client: httpx.Client) -> None:
    every = [item["app_id"] for item in page(client, user_id="nobody", k=1_000)]
    few = page(client, user_id="nobody", k=20, exclude=every[3:])
    assert {item["app_id"] for item in few} == set(every[:3])
    assert page(client, user_id="nobody", exclude=every) == []


@pytest.mark.parametrize(
    ("request_", "is_refused"),
    [
        ({"user_id": None}, True),
        ({"user_id": "u", "exclude": [None]}, True),
        ({"user_id": "u", "exclude": None}, True),
        ({"user_id": "u", "context": None}, True),
        ({"user_id": "u", "seed_app": None, "k": None}, False),
        ({"user_id": "u", "context": {"country": None, "device": None}}, False),
    ],
)
def test_nulls_in_ids(client: httpx.Client, request_: dict[str, Any], is_refused: bool) -> None:
    if is_refused:
        answer = client.post("/v1/recommend", json=request_)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("body.")
    else:
        assert len(page(client, **request_)) == 20


def test_an_id_without_features(client: httpx.Client) -> None:
    """An app that the bundle never saw, installed, excluded and asked about."""
    event = {"event_id": "e1", "user_id": "ghost", "app_id": "com.ghost", "kind": "install"}
    assert client.post("/v1/events", json={"events": [event]}).status_code == 200
    assert client.get("/v1/users/ghost").json()["installed"] == [{"app_id": "com.ghost"}]
    assert len(page(client, user_id="ghost", exclude=["com.other"], seed_app="com.ghost")) == 20
    assert client.get("/v1/similar/com.ghost").status_code == 404


@pytest.mark.parametrize("num_found", [0, 3])
def test_an_index_that_finds_too_little(serve: Serve, num_found: int) -> None:
    """FAISS fills with -1 what its lists do not hold."""

    class Sparse:
        def __init__(self, index: Any) -> None:
            self._index = index

        def search(self, vectors: Any, k: int, among: Any = None) -> Any:
            rows, products = self._index.search(vectors, k, among)
            rows = np.array(rows)
            rows[:, num_found:] = NO_ROW
            return rows, products

    def load(folder: Path) -> SteadyRecommender:
        recommender = SteadyRecommender(Bundle.load(folder))
        sparse = Sparse(recommender._index)
        recommender._index = recommender._nearest._index = sparse  # type: ignore[assignment]
        return recommender

    with serve(load) as sparse:
        items = page(sparse, user_id="nobody", k=150)
        assert len({item["app_id"] for item in items}) == 150
        app = items[0]["app_id"]
        near = sparse.get(f"/v1/similar/{app}").json()["items"]
        assert len(near) <= num_found


@pytest.mark.parametrize(
    ("parts", "degraded"),
    [(["_rank"], "retrieval_order"), (["_index", "_nearest"], "popular")],
)
def test_a_stage_that_fails_costs_no_page(serve: Serve, parts: list[str], degraded: str) -> None:
    def load(folder: Path) -> SteadyRecommender:
        recommender = SteadyRecommender(Bundle.load(folder))
        whole = recommender.recommend

        def trial_then_broken(queries: Any) -> Any:
            if not queries[0].user_id:  # the page that a bundle is tried with
                return whole(queries)
            for part in parts:
                setattr(recommender, part, None)
            return whole(queries)

        recommender.recommend = trial_then_broken  # type: ignore[method-assign]
        return recommender

    with serve(load) as broken:
        body = broken.post("/v1/recommend", json={"user_id": "nobody", "k": 7}).json()
        assert body["degraded"] == degraded
        assert len(body["items"]) == 7
        assert {item["score"] for item in body["items"]} == {None}
        metrics = broken.get("/metrics").text
        assert f'recsys_degraded_pages_total{{rung="{degraded}"}} 1.0' in metrics
