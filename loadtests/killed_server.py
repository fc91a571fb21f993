"""Clients that report events to a server which is killed again and again.

Each client has a connection of its own and sends one batch after another. A batch that was not
acknowledged, since the server died with it, is sent again until it is; one that was is never sent
again, so what the server lost of those is seen in the end.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from recsys.errors import GateStopped

_RETRY_SECONDS = 0.05
_SECONDS_TO_START = 120.0
_TIMEOUT_SECONDS = 30.0

Start = Callable[[], subprocess.Popen[bytes]]
Batch = Sequence[dict[str, Any]]
"""Events as `/v1/events` takes them."""


@dataclass
class Acknowledged:
    """What the clients saw."""

    num_events: int = 0
    num_accepted: int = 0
    """Of them, those that the server said were new."""
    num_resent: int = 0
    """Batches that were sent again, since they were not acknowledged."""
    latencies_ms: list[float] = field(default_factory=list)
    """Of each acknowledged batch, from sending to the answer."""
    seconds_up: float = 0.0
    """Time in which the server answered."""


def send(
    start: Start,
    port: int,
    batches: Sequence[Batch],
    num_kills: int,
    num_clients: int,
    at_end: Callable[[], None] = lambda: None,
) -> Acknowledged:
    """Sends all batches, and kills the server at equal shares of them.

    Args:
        start: starts the server on the port.
        port: of this machine.
        batches: what is sent.
        num_kills: how often the server is killed, with requests in flight, and started again.
        num_clients: connections at once.
        at_end: is called while the server still lives.

    Raises:
        GateStopped: the server did not come up, or refused a batch.
    """
    seen, lock, refused = Acknowledged(), threading.Lock(), threading.Event()
    waiting: queue.SimpleQueue[Batch] = queue.SimpleQueue()
    for batch in batches:
        waiting.put(batch)

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(queue.Empty):
            while not refused.is_set():
                _acknowledged(connection, waiting.get_nowait(), seen, lock, refused)

    process = _started(start, port)
    clients = [threading.Thread(target=client) for _ in range(num_clients)]
    began = time.perf_counter()
    for one in clients:
        one.start()
    try:
        total = sum(map(len, batches))
        for kill in range(1, num_kills + 1):
            while seen.num_events < total * kill / (num_kills + 1) and not refused.is_set():
                time.sleep(0.001)
            process.kill()
            process.wait()
            seen.seconds_up += time.perf_counter() - began
            process = _started(start, port)
            began = time.perf_counter()
        for one in clients:
            one.join()
        seen.seconds_up += time.perf_counter() - began
        at_end()
    finally:
        refused.set()
        process.kill()
        process.wait()
    if seen.num_events < total:
        raise GateStopped(f"the server acknowledged {seen.num_events:,} events of {total:,}.")
    return seen


def _acknowledged(
    connection: http.client.HTTPConnection,
    batch: Batch,
    seen: Acknowledged,
    lock: threading.Lock,
    refused: threading.Event,
) -> None:
    body, num_tries = json.dumps({"events": batch}).encode(), 0
    while not refused.is_set():
        began, num_tries = time.perf_counter(), num_tries + 1
        try:
            connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            answer = None
        if answer is not None and answer.status == http.client.OK:
            with lock:
                seen.num_events += len(batch)
                seen.num_accepted += said["accepted"]
                seen.num_resent += num_tries > 1
                seen.latencies_ms.append(1_000 * (time.perf_counter() - began))
            return
        if answer is not None and answer.status != http.client.SERVICE_UNAVAILABLE:
            refused.set()
            return
        connection.close()
        time.sleep(_RETRY_SECONDS)


def _started(start: Start, port: int) -> subprocess.Popen[bytes]:
    """The server, once it takes events."""
    process = start()
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/v1/users?limit=1")
            if connection.getresponse().status == http.client.OK:
                return process
        time.sleep(0.02)
    process.kill()
    raise GateStopped(f"the server did not come up within {_SECONDS_TO_START:g} s.")
