"""Requests at a constant rate, from a process of its own: `python -m loadtests.arrivals`.

Latency counts from when a request was due, so time spent waiting is seen. Debian has no generator
that does so: wrk and hey send when an answer came, and bombardier and h2load do that at most so
often. This one is a single loop over plain sockets: the requests' bytes are made beforehand, and
`select` keeps time to microseconds, which event loops round up to milliseconds.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

_MAX_CONNECTIONS = 512
_TIMEOUT_SECONDS = 10.0
_RECEIVE_BYTES = 1 << 18

ANSWERS = np.dtype(
    [
        ("phase", np.int16),
        ("status", np.int16),  # 0: the connection failed, or no answer came in time
        ("due", np.float64),  # seconds since the first phase began
        ("sent", np.float64),
        ("ended", np.float64),
    ]
)
Answers: TypeAlias = NDArray[np.void]
"""A record an answer, of `ANSWERS`."""


@dataclass(frozen=True)
class Phase:
    """A stretch of time at one rate."""

    seconds: float
    rate: float | None
    """Requests a second, evenly spaced; None: each connection sends when its answer came."""
    connections: int = _MAX_CONNECTIONS
    """Most connections at a time; a request that finds all of them taken waits, and has waited."""


def arrivals(url: str, bodies: Sequence[bytes], phases: Sequence[Phase]) -> Answers:
    """Asks for pages in another process, the bodies in turn.

    Args:
        url: the server's address, of this machine.
        bodies: requests to `/v1/recommend`.
        phases: one follows the other without a pause.
    """
    address = urlsplit(url)
    with tempfile.TemporaryDirectory(prefix="recsys-arrivals-") as scratch:
        into = Path(scratch) / "answers.npy"
        plan = {
            "host": address.hostname,
            "port": address.port,
            "bodies": [body.decode() for body in bodies],
            "phases": [asdict(phase) for phase in phases],
            "into": str(into),
        }
        command = [sys.executable, "-m", "loadtests.arrivals"]
        subprocess.run(command, input=json.dumps(plan), text=True, check=True)
        answers: Answers = np.load(into)
        return answers


class _Connection:
    """One socket, and the request that it is busy with."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=_TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.phase, self.due, self.sent = 0, 0.0, 0.0
        self._received = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, request: bytes, phase: int, due: float) -> None:
        self.phase, self.due, self.sent = phase, due, time.perf_counter()
        self._received = b""
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The answer's status once all of it came; 0 where the server hung up."""
        more = self.socket.recv(_RECEIVE_BYTES)
        self._received += more
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not more:
            return 0
        if not end or len(body) < _length(head):
            return None
        return int(head[9:12])


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.split(b"\r\n", 1)[0])


class _Generator:
    def __init__(self, address: tuple[str, int], bodies: Sequence[str]) -> None:
        self._address = address
        self._requests = [_request(body.encode()) for body in bodies]
        # What a look at all of hundreds of connections takes would keep requests from being sent.
        self._events = select.epoll()
        self._idle: list[_Connection] = []
        self._busy: dict[int, _Connection] = {}
        self._answers: list[tuple[int, int, float, float, float]] = []
        self._num_sent = 0

    def run(self, phases: Sequence[Phase]) -> Answers:
        begin = first = time.perf_counter()
        for number, phase in enumerate(phases):
            if phase.rate is None:
                self._closed(number, phase, begin + phase.seconds)
            else:
                self._open(number, phase, phase.rate, begin)
            begin += phase.seconds
        self._await_all()
        answers = np.array(self._answers, ANSWERS)
        for name in ("due", "sent", "ended"):
            answers[name] -= first
        return answers

    def _open(self, number: int, phase: Phase, rate: float, begin: float) -> None:
        sent, total = 0, int(phase.seconds * rate)
        while sent < total:
            due = begin + sent / rate
            if due <= time.perf_counter() and self._send(number, phase, due):
                sent += 1
                # Whoever has much to send must not keep answers waiting to be read.
                wait = 0.0
            else:
                wait = max(0.0, due - time.perf_counter()) if self._idle else 0.001
            self._receive(wait)

    def _closed(self, number: int, phase: Phase, end: float) -> None:
        while (now := time.perf_counter()) < end:
            while self._send(number, phase, now):
                pass
            self._receive(end - now)

    def _send(self, number: int, phase: Phase, due: float) -> bool:
        """Whether a connection was free for the next request."""
        if len(self._busy) >= phase.connections:
            return False
        connection = self._free()
        request = self._requests[self._num_sent % len(self._requests)]
        self._num_sent += 1
        self._busy[connection.fileno()] = connection
        try:
            connection.send(request, number, due)
        except OSError:
            self._end(connection, 0)
        return True

    def _free(self) -> _Connection:
        """A connection that the server has not closed meanwhile, as it may when one rests long."""
        while self._idle:
            connection = self._idle.pop()
            if not select.select([connection], [], [], 0)[0]:
                return connection
            connection.socket.close()
        connection = _Connection(self._address)
        self._events.register(connection, select.EPOLLIN)
        return connection

    def _receive(self, wait: float) -> None:
        # `epoll` itself would round the time to wait up to milliseconds.
        select.select([self._events], [], [], wait)
        for descriptor, _ in self._events.poll(0):
            if descriptor not in self._busy:  # one that rests was closed by the server
                self._forget(descriptor)
                continue
            connection = self._busy[descriptor]
            try:
                status = connection.receive()
            except (OSError, ValueError):
                status = 0
            if status is not None:
                self._end(connection, status)

    def _forget(self, descriptor: int) -> None:
        [closed] = [one for one in self._idle if one.fileno() == descriptor]
        self._idle.remove(closed)
        closed.socket.close()

    def _end(self, connection: _Connection, status: int) -> None:
        ended = time.perf_counter()
        del self._busy[connection.fileno()]
        self._answers.append((connection.phase, status, connection.due, connection.sent, ended))
        if status:
            self._idle.append(connection)
        else:
            connection.socket.close()

    def _await_all(self) -> None:
        give_up = time.perf_counter() + _TIMEOUT_SECONDS
        while self._busy and (left := give_up - time.perf_counter()) > 0:
            self._receive(left)
        for connection in list(self._busy.values()):
            self._end(connection, 0)
        for connection in self._idle:
            with contextlib.suppress(OSError):
                connection.socket.close()
        self._events.close()


def _request(body: bytes) -> bytes:
    head = (
        "POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _main() -> None:
    plan = json.load(sys.stdin)
    generator = _Generator((plan["host"], plan["port"]), plan["bodies"])
    answers = generator.run([Phase(**phase) for phase in plan["phases"]])
    np.save(Path(plan["into"]), answers)


if __name__ == "__main__":
    _main()
