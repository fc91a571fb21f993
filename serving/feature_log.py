"""The features that served pages were made of, written down beside the requests' way.

A request adds a line of JSON to a queue, which takes it some microseconds, and goes on. To turn
pages into Arrow's columns in Python would take no longer, but a few hundred at a time, and whoever
wants the interpreter meanwhile would wait for milliseconds. Arrow reads lines, and writes files,
without the interpreter; it needs a core only, of which a server may have one: so a thread does it
that takes what nobody else wants, and after some seconds a small part, since a server that is never
at rest must write too.

A file is written aside and renamed, so a killed server leaves no torn one; it loses what
`feature_log_seconds` had not brought to the disk yet. Nothing that goes wrong here reaches a
request: a full queue and a full disk cost pages of the log, and are counted.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple
from weakref import WeakKeyDictionary

import pyarrow as pa
import pyarrow.parquet as pq

from recsys import served_features
from recsys.features import spec
from recsys.query import Query
from recsys.recommender import Page
from recsys.served_features import Lines, ServedPage
from recsys.workspace import Workspace, write_atomically
from serving.metrics import Metrics
from serving.versions import ServedRecommender

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_PAGES_PER_FLUSH = 10_000
_PAGES_AT_ONCE = 1_000
"""That are read and compressed together: all of a file would take several times its lines."""
_PATIENCE_SECONDS = 5.0
"""So long a file takes nothing that a request wants."""
_NICENESS = 15
"""Afterwards a thirtieth of a request's weight."""


class _Waiting(NamedTuple):
    """A page that waits to be written."""

    day: dt.date
    """The request's, in UTC."""
    bundle: str
    query_features: spec.Features
    line: bytes
    """See `served_features.Lines`."""


class FeatureLog:
    """The log of one server, in the files that `recsys.served_features` describes."""

    def __init__(self, workspace: Workspace, metrics: Metrics) -> None:
        settings = workspace.config.serving
        self._workspace = workspace
        self._metrics = metrics
        self._share = settings.feature_log_share
        self._capacity = settings.feature_log_capacity
        self._pages_per_file = min(_PAGES_PER_FLUSH, max(1, self._capacity // 2))
        self._look_seconds = min(_LOOK_SECONDS, settings.feature_log_seconds / 4)
        # A page waits for one look to be seen, and for another to be written.
        self._patience_seconds = settings.feature_log_seconds - 2 * self._look_seconds
        # Appending wakes nobody, unlike a queue: the thread looks by itself now and then.
        self._waiting: deque[_Waiting] = deque()
        self._lines: WeakKeyDictionary[ServedRecommender, Lines] = WeakKeyDictionary()
        self._due = float("inf")
        self._is_broken = False
        self._ending = threading.Event()
        self._writer = ThreadPoolExecutor(1, "features-file", initializer=self._begin)
        self._writer_id = 0
        metrics.pages_waiting.set_function(lambda: len(self._waiting))

    def log(
        self, request_id: str, query: Query, page: Page, recommender: ServedRecommender
    ) -> None:
        """Notes a page that is served, if it belongs to the share that is logged; takes
        microseconds and never waits."""
        if not served_features.is_logged(request_id, self._share):
            return
        if len(self._waiting) >= self._capacity:
            self._metrics.pages_not_logged.labels("full").inc()
            return
        version = recommender.version
        served = ServedPage(request_id, query.user_id, query.time, version, query.k, page)
        try:
            line = self._lines_of(recommender).line(served)
        except Exception:  # whatever it is, requests must not notice
            self._failed(1)
        else:
            day = query.time.astimezone(dt.UTC).date()
            self._waiting.append(_Waiting(day, version, recommender.query_features, line))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Writes while the block runs, and what is left at its end."""
        thread = threading.Thread(target=self._write, name="features")
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()
            self._writer.shutdown()

    def _write(self) -> None:
        while not self._ending.wait(self._look_seconds):
            if not self._waiting:
                continue
            now = time.monotonic()
            self._due = min(self._due, now + self._patience_seconds)
            if now >= self._due or len(self._waiting) >= self._pages_per_file:
                self._flush()
        self._flush()

    def _flush(self) -> None:
        """Brings what waits now to the disk."""
        self._due = float("inf")
        pages: dict[tuple[dt.date, str], list[_Waiting]] = {}
        for _ in range(len(self._waiting)):
            page = self._waiting.popleft()
            pages.setdefault((page.day, page.bundle), []).append(page)
        for (day, bundle), some in pages.items():
            try:
                self._patiently(self._writer.submit(self._publish, day, bundle, some))
            except Exception:  # whatever it is, requests must not notice
                self._failed(len(some))
            else:
                self._metrics.pages_logged.inc(len(some))
                self._is_broken = False

    def _begin(self) -> None:
        self._writer_id = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._writer_id, _NICENESS)

    def _patiently(self, writing: Future[None]) -> None:
        if not wait([writing], _PATIENCE_SECONDS).done:
            # Not everybody may: then it yields on.
            with contextlib.suppress(OSError):
                os.sched_setscheduler(self._writer_id, os.SCHED_OTHER, os.sched_param(0))
        writing.result()

    def _publish(self, day: dt.date, bundle: str, pages: Sequence[_Waiting]) -> None:
        # Of low priority alone it would keep requests waiting for the rest of its slice.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        features = pages[0].query_features
        content = pa.BufferOutputStream()
        with pq.ParquetWriter(
            content, served_features.schema(features), compression="zstd"
        ) as writer:
            for start in range(0, len(pages), _PAGES_AT_ONCE):
                some = pages[start : start + _PAGES_AT_ONCE]
                writer.write_table(served_features.table((one.line for one in some), features))
        folder = served_features.folder(self._workspace, day) / f"bundle={bundle}"
        # Servers may share the folder.
        write_atomically(folder / f"{uuid.uuid4().hex}.parquet", content.getvalue().to_pybytes())

    def _lines_of(self, recommender: ServedRecommender) -> Lines:
        if (lines := self._lines.get(recommender)) is None:
            lines = self._lines[recommender] = Lines(recommender.query_features)
        return lines

    def _failed(self, num_pages: int) -> None:
        """Counts the failure that is handled, and logs it when nothing failed before: a full disk
        stays full."""
        self._metrics.flush_failures.inc()
        self._metrics.pages_not_logged.labels("failed").inc(num_pages)
        if not self._is_broken:
            self._is_broken = True
            logger.exception("features of %d served pages are not logged", num_pages)
