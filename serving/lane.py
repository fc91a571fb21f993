"""A thread that works off what waits for it, several things at a time where several wait.

It never waits for a batch to fill: at low load each comes alone, at high load the batch is what
came while the last one was worked on.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_Job = TypeVar("_Job")
_SECONDS_TO_END = 5.0


class Lane(Generic[_Job]):
    """One thread and its queue. Who puts jobs in keeps the queue short: the lane doesn't."""

    def __init__(self, name: str, max_batch: int, work: Callable[[list[_Job]], None]) -> None:
        """`work` gets 1 to `max_batch` jobs, and never raises."""
        self._max_batch = max_batch
        self._work = work
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._busy_since: float | None = None
        # A daemon: a model that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, job: _Job) -> None:
        """Puts a job at the end of the queue."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def discard(self, job: _Job) -> None:
        """Takes a job off the queue, if it still waits."""
        with self._changed, contextlib.suppress(ValueError):
            self._waiting.remove(job)

    def busy_seconds(self) -> float:
        """How long the batch that is worked on has taken so far; 0 when there is none."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self) -> None:
        """Ends the thread once what waits is worked off; leaves one behind that hangs."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(_SECONDS_TO_END)

    def _run(self) -> None:
        while batch := self._take():
            self._busy_since = time.monotonic()
            self._work(batch)
            self._busy_since = None

    def _take(self) -> list[_Job]:
        """The next batch; empty when the lane is closed."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            number = min(len(self._waiting), self._max_batch)
            return [self._waiting.popleft() for _ in range(number)]
