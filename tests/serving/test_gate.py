"""What never reaches an endpoint, asked of a real server in bytes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fake_store import FakeRecommender, eventually, publish, server, wait_for, workspace_at

from recsys.recommender import Page, Query
from recsys.workspace import Workspace

BODY = json.dumps({"user_id": "u000"}).encode()
LIMIT = 2_000


class Held(FakeRecommender):
    """Answers once it is let go, but for the page that it is tried with."""

    go = threading.Event()

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        assert not queries[0].user_id or self.go.wait(30)
        return super().recommend(queries)


def load_held(folder: Path) -> Held:
    return Held("v1")


@contextlib.contextmanager
def busy(workspace: Workspace) -> Iterator[httpx.Client]:
    """A server whose queue of two is full while the block runs."""
    settings = "max_queue = 2\nmax_wait_ms = 60000\nlate_ms = 60000\ndeadline_ms = 60000\n"
    (workspace.root / "recsys.toml").write_text(f'extends = "tiny"\n[serving]\n{settings}')
    publish(workspace, "v1")
    Held.go.clear()
    with (
        server(Workspace(workspace.root), load_held) as url,
        httpx.Client(base_url=url, timeout=30) as client,
        ThreadPoolExecutor(2) as waiting,
    ):
        wait_for(url)
        answers = [
            waiting.submit(httpx.post, f"{url}/v1/recommend", json={"user_id": "u000"}, timeout=30)
            for _ in range(2)
        ]
        try:
            eventually(lambda: "recsys_queue_length 2.0" in client.get("/metrics").text)
            yield client
        finally:
            Held.go.set()
        assert [answer.result().status_code for answer in answers] == [200, 200]
        assert client.post("/v1/recommend", json={"user_id": "u000"}).status_code == 200


def test_a_full_queue_refuses_the_model_and_nothing_else(workspace: Workspace) -> None:
    with busy(workspace) as client:
        refused = [
            client.post("/v1/recommend", json={"user_id": "u000"}),
            client.post("/v1/recommend", content=b"no request at all"),
            client.get("/v1/similar/com.example.app00"),
        ]
        for answer in refused:
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"
            assert "come back" in answer.json()["detail"]
            assert len(answer.headers["X-Request-Id"]) == 32
        text = client.get("/metrics").text
        assert 'recsys_shed_requests_total{reason="full"} 3.0' in text
        assert 'recsys_requests_total{route="/v1/recommend",status="503"} 2.0' in text
        for path in ("/healthz", "/readyz", "/v1/catalogue", "/v1/users/u000"):
            assert client.get(path).status_code == 200
        event = {"event_id": "e", "user_id": "u000", "app_id": "x", "kind": "click"}
        assert client.post("/v1/events", json={"events": [event]}).status_code == 200


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    workspace = workspace_at(tmp_path_factory.mktemp("gate"))
    settings = f'extends = "tiny"\n[serving]\nmax_body_bytes = {LIMIT}\n'
    (workspace.root / "recsys.toml").write_text(settings)
    publish(workspace, "v1")
    with server(Workspace(workspace.root)) as address:
        wait_for(address)
        yield address


def padded(length: int) -> bytes:
    return BODY + b" " * (length - len(BODY))


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused(url: str, is_chunked: bool) -> None:
    def post(content: bytes) -> httpx.Response:
        parts = [content[at : at + 700] for at in range(0, len(content), 700)]
        sent = iter(parts) if is_chunked else content
        return httpx.post(f"{url}/v1/recommend", content=sent, headers=JSON)

    assert post(padded(LIMIT)).status_code == 200
    answer = post(padded(LIMIT + 1))
    assert answer.status_code == 413
    assert f"{LIMIT} bytes" in answer.json()["detail"]
    assert answer.headers["Connection"] == "close"


def test_a_length_that_is_a_lie_is_refused_before_the_body_comes(url: str) -> None:
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as sock:
        head = f"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nContent-Length: {10**12}\r\n\r\n"
        sock.sendall(head.encode())
        assert sock.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "json", "application/jsonp"]
)
def test_a_body_of_another_kind_is_refused(url: str, kind: str) -> None:
    for path in ("/v1/recommend", "/v1/events"):
        answer = httpx.post(url + path, content=BODY, headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/vnd.x+json"]
)
def test_json_by_any_name_is_taken(url: str, kind: str) -> None:
    answer = httpx.post(f"{url}/v1/recommend", content=BODY, headers={"Content-Type": kind})
    assert answer.status_code == 200


def test_a_connection_serves_on_after_a_refusal(url: str) -> None:
    with httpx.Client(base_url=url) as client:
        for _ in range(3):
            assert client.post("/v1/recommend", content=b"x").status_code == 415
            assert client.post("/v1/recommend", json={"user_id": "u000"}).status_code == 200


@pytest.mark.parametrize("body", [b"[" * 1_900, b"{" + b'"a":{' * 300, b"\xff\xfe", b'"\\ud800"'])
def test_json_that_breaks_parsers_is_refused_with_a_sentence(url: str, body: bytes) -> None:
    for path in ("/v1/recommend", "/v1/events"):
        answer = httpx.post(url + path, content=body, headers=JSON)
        assert answer.status_code == 422
        assert answer.json()["detail"]
