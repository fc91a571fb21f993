"""Accepts all who wait to be connected at once.

libuv, on which uvloop stands, accepts one connection each time that it looks, and between two looks
this server may compute a batch: in a burst of new clients the last would wait for seconds, and not
even be refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence

_AT_ONCE = 256
_SECONDS_TO_REST = 1.0
"""After a failure, such as that the process may open no further files."""

MakeProtocol = Callable[[], asyncio.Protocol]


class Accepting:
    """Hands a loop's new connections to protocols, beside the loop's own server."""

    def __init__(self, listeners: Sequence[socket.socket], make: MakeProtocol) -> None:
        """
        Args:
            listeners: bound and listening.
            make: a protocol for each connection.
        """
        # The loop watches the listeners themselves already.
        self._listeners = [listener.dup() for listener in listeners]
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[object]] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Accepts while the block runs."""
        for listener in self._listeners:
            listener.setblocking(False)
            self._watch(listener)
        try:
            yield
        finally:
            for listener in self._listeners:
                self._loop.remove_reader(listener)
                listener.close()

    def _watch(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:  # else it was closed meanwhile
            self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # the loop's own server says what it is
                self._loop.remove_reader(listener)
                self._loop.call_later(_SECONDS_TO_REST, self._watch, listener)
                return
            connection.setblocking(False)
            connecting = self._loop.connect_accepted_socket(self._make, connection)
            task: asyncio.Task[object] = self._loop.create_task(connecting)
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)
