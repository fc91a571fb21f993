"""A steady stream of requests to a server of this machine: they come at a constant rate, whatever
the answers take, so time spent waiting is seen (a closed loop of visitors hides it)."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Read = Callable[[bytes], dict[str, Any]]

NUM_CONNECTIONS = 8
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What became of one request."""

    due: float
    """When it was to be sent, by `time.perf_counter`."""
    ended: float
    """When the answer was read."""
    page: dict[str, Any] | None
    """The answer, or what was read of it; None where the request failed."""
    problem: str
    """How it failed; "" where it did not."""

    @property
    def latency_ms(self) -> float:
        """From when it was to be sent: a request that had to wait for a connection has waited."""
        return 1_000 * (self.ended - self.due)


@contextlib.contextmanager
def steady(
    url: str, bodies: Sequence[bytes], per_second: float, read: Read = json.loads
) -> Iterator[list[Answer]]:
    """Asks for pages while the block runs, the bodies in turn; gives the answers so far, and after
    the block all of them, in no order.

    Args:
        url: the server's address.
        bodies: requests to `/v1/recommend`.
        per_second: how many of them are due in a second.
        read: what to keep of an answer.
    """
    answers: list[Answer] = []
    ended = threading.Event()
    numbers = itertools.count()
    began = time.perf_counter()

    def visit() -> None:
        connection = _connected(url)
        while True:
            number = next(numbers)
            due = began + number / per_second
            if ended.wait(max(0.0, due - time.perf_counter())):
                break
            answer = _ask(connection, bodies[number % len(bodies)], due, read)
            answers.append(answer)
            if answer.problem:
                connection.close()
        connection.close()

    visitors = [threading.Thread(target=visit) for _ in range(NUM_CONNECTIONS)]
    for visitor in visitors:
        visitor.start()
    try:
        yield answers
    finally:
        ended.set()
        for visitor in visitors:
            visitor.join()


def _connected(url: str) -> http.client.HTTPConnection:
    address = urlsplit(url)
    return http.client.HTTPConnection(str(address.hostname), address.port, timeout=_TIMEOUT_SECONDS)


def _ask(connection: http.client.HTTPConnection, body: bytes, due: float, read: Read) -> Answer:
    try:
        connection.request("POST", "/v1/recommend", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Answer(due, time.perf_counter(), None, f"{type(error).__name__}: {error}")
    ended = time.perf_counter()
    if answer.status != http.client.OK:
        return Answer(due, ended, None, f"{answer.status}: {content.decode(errors='replace')}")
    return Answer(due, ended, read(content), "")
