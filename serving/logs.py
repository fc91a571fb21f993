"""What the server writes down: one JSON object a line, on standard error.

Lines are made and written by a thread of their own, so a slow disk or terminal holds no request. A
line that is written again and again, such as that a ranker fails, is written once a second.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import logging.handlers
import queue
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TextIO

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered."""

_MAX_WAITING = 10_000
_SECONDS_BETWEEN = 1.0


class JsonLines(logging.Formatter):
    """Makes a record into one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; `extra={"fields": {...}}` adds its own."""
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Sparingly(logging.Filter):
    """Lets a warning or worse from one place in the code pass once a second, with how many were
    held back since."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[tuple[str, int], float] = {}
        self._held: dict[tuple[str, int], int] = {}
        self._counting = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes."""
        if record.levelno < logging.WARNING:
            return True
        place = (record.pathname, record.lineno)
        with self._counting:
            if record.created - self._passed.get(place, 0.0) < _SECONDS_BETWEEN:
                self._held[place] = self._held.get(place, 0) + 1
                return False
            self._passed[place] = record.created
            if held := self._held.pop(place, 0):
                record.fields = {**getattr(record, "fields", {}), "held_back": held}
        return True


class _Handing(logging.handlers.QueueHandler):
    """Hands records to the writing thread, with the id of the request they belong to."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # The writer is in this process: nothing needs to be pickled, so nothing is formatted here.
        if (request_id := REQUEST_ID.get()) is not None:
            record.fields = {"request_id": request_id, **getattr(record, "fields", {})}
        return record

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drops a record that finds no room: a log is not worth a request."""


@contextlib.contextmanager
def written(stream: TextIO | None = None) -> Iterator[None]:
    """Writes what this process logs while the block runs, and what is left at its end."""
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(_MAX_WAITING)
    handing = _Handing(waiting)
    handing.addFilter(Sparingly())
    target = logging.StreamHandler(stream or sys.stderr)
    target.setFormatter(JsonLines())
    listener = logging.handlers.QueueListener(waiting, target)
    root = logging.getLogger()
    root.addHandler(handing)
    logging.getLogger("serving").setLevel(logging.INFO)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handing)
        listener.stop()
