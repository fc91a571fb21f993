"""A server that is told to stop, with requests in it."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fake_store import FakeRecommender, eventually, publish, wait_for

from recsys.recommender import Page, Query
from recsys.workspace import Workspace
from serving.app import create_app
from serving.stopping import Server


class Held(FakeRecommender):
    """Answers once it is let go, but for the page that it is tried with."""

    entered = threading.Event()
    go = threading.Event()

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        if queries[0].user_id:
            self.entered.set()
            assert self.go.wait(30)
        return super().recommend(queries)


def load_held(folder: Path) -> Held:
    return Held("v1")


class Running:
    """A server in a thread, and a request that it is busy with."""

    def __init__(self, url: str, server: Server, thread: threading.Thread) -> None:
        self.url, self.server, self.thread = url, server, thread
        self._asking = ThreadPoolExecutor(1)

    def ask(self) -> Future[httpx.Response]:
        asked = self._asking.submit(
            httpx.post, f"{self.url}/v1/recommend", json={"user_id": "u000"}, timeout=30
        )
        assert Held.entered.wait(30)
        return asked

    def is_closed(self) -> bool:
        try:
            httpx.get(f"{self.url}/healthz")
        except httpx.TransportError:
            return True
        return False


@contextlib.contextmanager
def running(workspace: Workspace, drain_seconds: float) -> Iterator[Running]:
    settings = f"drain_seconds = {drain_seconds}\nlate_ms = 60000\ndeadline_ms = 60000\n"
    (workspace.root / "recsys.toml").write_text(f'extends = "tiny"\n[serving]\n{settings}')
    publish(workspace, "v1")
    Held.entered.clear()
    Held.go.clear()
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(create_app(Workspace(workspace.root), load_held))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        wait_for(url)
        yield Running(url, server, thread)
    finally:
        Held.go.set()
        server.should_exit = True
        thread.join()


def test_what_was_accepted_is_finished_and_nothing_else_begins(workspace: Workspace) -> None:
    with running(workspace, drain_seconds=0) as one:
        asked = one.ask()
        one.server.handle_exit(signal.SIGTERM, None)
        eventually(one.is_closed)
        assert not asked.done()
        Held.go.set()
        answer = asked.result()
        assert answer.status_code == 200
        assert len(answer.json()["items"]) == 20
        one.thread.join(30)
        assert not one.thread.is_alive()


def test_balancers_are_told_before_the_listener_closes(workspace: Workspace) -> None:
    with running(workspace, drain_seconds=60) as one:
        one.server.handle_exit(signal.SIGTERM, None)
        told = httpx.get(f"{one.url}/readyz")
        assert told.status_code == 503
        assert "stops" in told.json()["detail"]
        assert httpx.get(f"{one.url}/healthz").status_code == 200
        Held.go.set()
        assert httpx.post(f"{one.url}/v1/recommend", json={"user_id": "u0"}).status_code == 200
        one.server.handle_exit(signal.SIGTERM, None)  # who asks twice will not wait
        eventually(one.is_closed)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_before_anything_was_loaded_is_a_stop(
    workspace: Workspace, sign: signal.Signals
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(create_app(workspace, load_held))
    server.handle_exit(sign, None)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
