from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_store import FakeRecommender, eventually, publish, server, wait_for, workspace_at

from recsys.recommender import Page, Query
from recsys.workspace import Workspace
from serving import logs


class Broken(FakeRecommender):
    """Has no page for the user `u001`, by no way."""

    def _page(self, query: Query) -> Page:
        if query.user_id == "u001":
            raise RuntimeError("a bug")
        return super()._page(query)


def load_broken(folder: Path) -> Broken:
    return Broken("v1")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, io.StringIO]]:
    """A client of a server that logs every request, and what it has logged."""
    workspace = workspace_at(tmp_path_factory.mktemp("access"))
    (workspace.root / "recsys.toml").write_text('extends = "tiny"\n[serving]\naccess_log_share = 1')
    publish(workspace, "v1")
    written = io.StringIO()
    with logs.written(written), server(Workspace(workspace.root), load_broken) as url:
        wait_for(url)
        with httpx.Client(base_url=url) as client:
            yield client, written


def lines(written: io.StringIO, request_id: str) -> list[dict[str, Any]]:
    every = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in every if line.get("request_id") == request_id]


@pytest.mark.parametrize("given", ["a", "4bf92f3577b34da6:1", "x" * 64, "A.b_c-9"])
def test_an_id_is_taken_and_given_back(
    served: tuple[httpx.Client, io.StringIO], given: str
) -> None:
    client, _ = served
    answer = client.get("/healthz", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", 'quo"te', "semi;colon", "ünïcode"])
def test_an_id_that_is_no_short_word_is_replaced(
    served: tuple[httpx.Client, io.StringIO], given: str | None
) -> None:
    client, _ = served
    headers = [] if given is None else [(b"X-Request-Id", given.encode())]
    ids = {client.get("/healthz", headers=headers).headers["X-Request-Id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)


def test_a_request_has_a_line(served: tuple[httpx.Client, io.StringIO]) -> None:
    client, written = served
    client.get("/v1/users/u002", headers={"X-Request-Id": "line-1"})
    eventually(lambda: bool(lines(written, "line-1")))
    [line] = lines(written, "line-1")
    assert line["milliseconds"] > 0
    del line["time"], line["milliseconds"]
    assert line == {
        "level": "info",
        "logger": "serving.access",
        "message": "request",
        "request_id": "line-1",
        "method": "GET",
        "route": "/v1/users/{user_id:path}",
        "status": 200,
    }


def test_a_failure_is_told_with_the_id_to_look_for(
    served: tuple[httpx.Client, io.StringIO],
) -> None:
    client, written = served
    answer = client.post(
        "/v1/recommend", json={"user_id": "u001"}, headers={"X-Request-Id": "fails-1"}
    )
    assert answer.status_code == 500
    assert answer.headers.get_list("X-Request-Id") == ["fails-1"]
    assert answer.headers["Connection"] == "close"
    assert "fails-1" in answer.json()["detail"]
    assert client.post("/v1/recommend", json={"user_id": "u002"}).status_code == 200

    def is_told() -> bool:
        told = lines(written, "fails-1")
        return any("a bug" in line.get("exception", "") for line in told) and any(
            (line["level"], line.get("route"), line.get("status"))
            == ("error", "/v1/recommend", 500)
            for line in told
        )

    eventually(is_told)


def test_opentelemetry_may_be_asked_for(workspace: Workspace) -> None:
    """Without somewhere to send it, which its own variables name, nothing is sent."""
    (workspace.root / "recsys.toml").write_text('extends = "tiny"\n[serving]\nopentelemetry = true')
    publish(workspace, "v1")
    with server(Workspace(workspace.root)) as url:
        wait_for(url)
        answer = httpx.post(f"{url}/v1/recommend", json={"user_id": "u000"})
    assert answer.status_code == 200
