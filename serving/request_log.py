"""What was asked, as a journal that the daily tables are written from: a line of JSON a request, in
`serving/requests/day=YYYY-MM-DD/<32 hexadecimal digits>.jsonl`, a file of each server's own.

A line is handed to the kernel before the request is answered, so a killed server loses none: every
page that a client has seen has its row. The disk is synced once a second, which is what a machine
that loses its power loses. A disk that refuses costs lines, which are counted, and no request.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic_core import to_json

from recsys.config import Config
from recsys.query import Query
from recsys.tables import SCHEMAS
from recsys.workspace import Workspace
from serving.metrics import Metrics

logger = logging.getLogger(__name__)

_SYNC_SECONDS = 1.0
_KEYS = ("request_id", "user_id", "time")
EXPOSURE = "exposure"
"""The key under which a row says which arm answered."""
_TYPES = {"category": pa.string(), "number": pa.float64()}


def folder(workspace: Workspace) -> Path:
    """Where the journals lie, in a folder a day."""
    return workspace.serving / "requests"


def schema(config: Config) -> pa.Schema:
    """The table of requests, with the further columns that requests may bring for features."""
    known = SCHEMAS["requests"]
    declared = {
        feature.column or name: _TYPES[feature.kind]
        for name, feature in config.features.items()
        if feature.table == "requests" and feature.kind in _TYPES
    }
    further = [pa.field(name, kind) for name, kind in declared.items() if name not in known.names]
    return pa.schema([*known, *further])


class RequestLog:
    """The journal of one server; one thread logs."""

    def __init__(self, workspace: Workspace, metrics: Metrics) -> None:
        self._folder = folder(workspace)
        self._columns = [n for n in schema(workspace.config).names if n not in _KEYS]
        self._metrics = metrics
        self._day: dt.date | None = None
        self._file = -1
        self._is_broken = False
        self._swapping = threading.Lock()  # of the file that is synced
        self._ending = threading.Event()

    def log(self, request_id: str, query: Query, exposure: Mapping[str, Any] | None = None) -> None:
        """Notes what was asked, as the model was given it: the user's own profile stands in for
        what the request didn't say; and which arm of an experiment answered."""
        time = query.time.isoformat()
        row: dict[str, Any] = {"request_id": request_id, "user_id": query.user_id, "time": time}
        row |= {name: query.features.get(name) for name in self._columns}
        if exposure is not None:
            row[EXPOSURE] = exposure
        line = to_json(row, fallback=str) + b"\n"
        try:
            if query.time.date() != self._day:
                self._begin(query.time.date())
            if os.write(self._file, line) < len(line):
                raise OSError("the disk took a part of a line")
            self._is_broken = False
        except OSError:
            self._metrics.requests_not_logged.inc()
            self._day = None  # what was torn ends its file
            if not self._is_broken:
                self._is_broken = True
                logger.exception("requests are not logged")

    @contextlib.contextmanager
    def syncing(self) -> Iterator[None]:
        """Syncs the disk while the block runs, and at its end."""
        thread = threading.Thread(target=self._sync, name="requests")
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()
            self._close()

    def _begin(self, day: dt.date) -> None:
        path = self._folder / f"day={day.isoformat()}" / f"{uuid.uuid4().hex}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._close()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._day = day

    def _sync(self) -> None:
        while not self._ending.wait(_SYNC_SECONDS):
            with self._swapping, contextlib.suppress(OSError):
                if self._file >= 0:
                    os.fdatasync(self._file)

    def _close(self) -> None:
        with self._swapping:
            if self._file >= 0:
                with contextlib.suppress(OSError):
                    os.fsync(self._file)
                os.close(self._file)
            self._file, self._day = -1, None
