"""Two servers of two machines, as it were: two workspaces with the same users, and one Redis."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fake_store import app_id, publish, server, wait_for, workspace_at

from loadtests.redis_server import redis_server
from recsys import config


@contextlib.contextmanager
def serving(root: Path, redis: str) -> Iterator[httpx.Client]:
    root.mkdir()
    workspace = workspace_at(root)
    values = config.parse({"extends": "tiny", "serving": {"user_store": redis}}, "test")
    (root / config.FILE_NAME).write_text(config.render(values))
    publish(workspace, "v1")
    with server(workspace) as url, httpx.Client(base_url=url) as client:
        wait_for(url)
        yield client


def shelf(client: httpx.Client, user_id: str) -> list[str]:
    answer = client.post("/v1/recommend", json={"user_id": user_id, "k": 60}).raise_for_status()
    return [item["app_id"] for item in answer.json()["items"]]


def told(client: httpx.Client, kind: str, app: int) -> dict[str, int]:
    event = {"event_id": f"{kind} {app}", "user_id": "u000", "app_id": app_id(app), "kind": kind}
    answer = client.post("/v1/events", json={"events": [event]})
    counts: dict[str, int] = answer.raise_for_status().json()
    return counts


def test_what_one_server_is_told_the_other_knows(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path / "redis") as url,
        serving(tmp_path / "a", url) as one,
        serving(tmp_path / "b", url) as other,
    ):
        assert app_id(0) in shelf(other, "u000")
        assert told(one, "install", 0) == {"accepted": 1, "duplicates": 0}
        assert app_id(0) not in shelf(other, "u000")
        assert told(other, "install", 0) == {"accepted": 0, "duplicates": 1}
        told(other, "uninstall", 0)
        assert app_id(0) in shelf(one, "u000")
        with ThreadPoolExecutor(8) as visitors:
            pages = list(visitors.map(lambda n: shelf(one, f"u{n:03d}"), range(40)))
        assert [app_id(0) in page for page in pages] == [n % 5 == 0 for n in range(40)]
        assert len(one.get("/v1/users", params={"limit": 100}).json()["users"]) == 40


def test_without_its_store_a_server_says_so_and_comes_back(tmp_path: Path) -> None:
    with contextlib.ExitStack() as running:
        with redis_server(tmp_path / "redis") as url:
            client = running.enter_context(serving(tmp_path / "a", url))
            assert told(client, "install", 0)["accepted"] == 1
        for path, body in (
            ("/v1/recommend", {"user_id": "u000"}),
            ("/v1/events", {"events": [{**EVENT, "event_id": "while it is gone"}]}),
        ):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert answer.json()["detail"].startswith("the user store does not answer")
        assert client.get("/healthz").status_code == 200
        port = int(url.split(":")[2].split("/")[0])
        with redis_server(tmp_path / "redis", "--port", str(port)):
            assert app_id(0) not in shelf(client, "u000")
            assert told(client, "install", 0) == {"accepted": 0, "duplicates": 1}


EVENT = {"user_id": "u000", "app_id": "x", "kind": "click"}


@pytest.mark.parametrize("wrong", ["localhost", "http://127.0.0.1", "redis://"])
def test_a_store_that_is_no_redis_is_refused(wrong: str) -> None:
    with pytest.raises(config.ConfigError, match="user_store"):
        config.parse({"extends": "tiny", "serving": {"user_store": wrong}}, "test")
