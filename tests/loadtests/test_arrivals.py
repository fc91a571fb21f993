"""The generator against small servers, whose answers are known."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from loadtests.arrivals import Answers, Phase, arrivals

BODIES = [b'{"user_id": "a"}', b'{"user_id": "b"}']


class _Handler(socketserver.StreamRequestHandler):
    """Answers 200 or what a body asks for, after the time that it asks for."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = self.rfile.read(length)
            assert line == b"POST /v1/recommend HTTP/1.1\r\n"
            self.server.bodies.append(body)  # type: ignore[attr-defined]
            if body == b"hang up":
                return
            if body.startswith(b"sleep "):
                time.sleep(float(body[6:]))
            status = b"503 Busy" if body == b"busy" else b"200 OK"
            self.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\nhello")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, list[bytes]]]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", server.bodies
        finally:
            server.shutdown()
            thread.join()


def of(answers: Answers, phase: int) -> Answers:
    chosen: Answers = answers[answers["phase"] == phase]
    return chosen


def test_requests_are_due_at_a_constant_rate_whatever_the_answers_take() -> None:
    with serving() as (url, bodies):
        answers = arrivals(url, BODIES, [Phase(0.5, 100), Phase(0.25, 200)])
    assert len(of(answers, 0)) == 50
    assert len(of(answers, 1)) == 50
    assert (answers["status"] == 200).all()
    due = np.sort(of(answers, 0)["due"])
    assert due == pytest.approx(np.arange(50) / 100, abs=1e-6)
    assert np.sort(of(answers, 1)["due"]) == pytest.approx(0.5 + np.arange(50) / 200, abs=1e-6)
    assert (answers["sent"] >= answers["due"]).all()
    assert (answers["ended"] > answers["sent"]).all()
    assert sorted(set(bodies)) == BODIES
    assert bodies.count(BODIES[0]) == 50


def test_waiting_for_a_connection_is_waiting() -> None:
    with serving() as (url, _):
        answers = arrivals(url, [b"sleep 0.1"], [Phase(0.2, 20, connections=1)])
    latencies = np.sort(answers["ended"] - answers["due"])
    assert len(latencies) == 4
    assert latencies[0] >= 0.1
    assert latencies[-1] >= 4 * 0.1 - 3 * 0.05


def test_a_closed_loop_keeps_its_connections_busy() -> None:
    with serving() as (url, _):
        answers = arrivals(url, [b"sleep 0.05"], [Phase(0.4, None, connections=3)])
    assert 3 <= len(answers) <= 3 * 9
    running = [
        ((answers["sent"] <= at) & (answers["ended"] > at)).sum() for at in answers["sent"].tolist()
    ]
    assert max(running) <= 3


def test_refusals_and_failures_are_told_apart() -> None:
    with serving() as (url, _):
        answers = arrivals(url, [b"busy", b"hang up", b"ok"], [Phase(0.3, 100)])
    counts = {status: int((answers["status"] == status).sum()) for status in (503, 0, 200)}
    assert counts == {503: 10, 0: 10, 200: 10}
