"""A thread that works off what waits for it, several things at a time where several wait.

It never waits for a batch to fill: at low load each comes alone, at high load the batch is what
came while the last one was worked on.

The event loop and the thread take turns. Of two threads that both want the interpreter each makes
the other wait, at every read of a socket and at every product of matrices, and that takes longer
than either's work. So the loop hands a batch over and rests until it is worked off. It rests for a
while at most: a model that hangs must not hold those who need none.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_SECONDS_TO_END = 5.0


class Lane(Generic[_Job, _Result]):
    """One thread and its queue. Who puts jobs in keeps the queue short: the lane doesn't. All
    methods belong to one event loop."""

    def __init__(
        self,
        name: str,
        max_batch: int,
        work: Callable[[list[_Job]], _Result],
        ended: Callable[[_Result], None],
    ) -> None:
        """
        Args:
            name: the thread's.
            max_batch: most jobs at a time.
            work: gets 1 to `max_batch` jobs, and never raises.
            ended: gets what `work` made, in the thread, where the loop has not waited for it.
        """
        self._max_batch = max_batch
        self._work = work
        self._ended = ended
        self._waiting: deque[_Job] = deque()
        self._batch: list[_Job] = []
        self._result: _Result | None = None
        self._is_awaited = False
        self._is_closed = False
        self._busy_since: float | None = None
        # Plain locks, as flags that one thread raises and the other takes down.
        self._handed, self._done, self._deciding = (threading.Lock() for _ in range(3))
        self._handed.acquire()
        self._done.acquire()
        # A daemon: a model that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, job: _Job) -> None:
        """Puts a job at the end of the queue."""
        self._waiting.append(job)

    def discard(self, job: _Job) -> None:
        """Takes a job off the queue, if it still waits."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(job)

    def busy_seconds(self) -> float:
        """How long the batch that is worked on has taken so far; 0 when there is none."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def turn(self, patience: float) -> _Result | None:
        """Gives the thread the next batch, if there is one and the thread is free.

        Args:
            patience: seconds to wait for the result.

        Returns:
            The result; None where `ended` will get it, or nothing is to be done.
        """
        if self._busy_since is not None or not self._waiting:
            return None
        number = min(len(self._waiting), self._max_batch)
        self._batch = [self._waiting.popleft() for _ in range(number)]
        self._is_awaited = patience > 0
        self._busy_since = time.monotonic()
        self._handed.release()
        return self._awaited(patience) if patience > 0 else None

    def close(self) -> None:
        """Ends the thread once its batch is worked off; leaves one behind that hangs."""
        self._is_closed = True
        if self._handed.locked():
            self._handed.release()
        self._thread.join(_SECONDS_TO_END)

    def _awaited(self, patience: float) -> _Result | None:
        if not self._done.acquire(timeout=patience):
            with self._deciding:
                if self._is_awaited:
                    self._is_awaited = False
                    return None
            self._done.acquire()  # it ended just now
        result, self._result = self._result, None
        return result

    def _run(self) -> None:
        while self._handed.acquire() and not self._is_closed:
            result = self._work(self._batch)
            # What rests here would keep a bundle that is gone: the next batch may be far off.
            self._batch = []
            with self._deciding:
                is_awaited, self._is_awaited = self._is_awaited, False
                self._result = result if is_awaited else None
                self._busy_since = None  # from here on the loop may hand over the next batch
            if is_awaited:
                self._done.release()
            else:
                self._ended(result)
            del result
