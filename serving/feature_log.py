"""The features that served pages were made of, written down beside the requests' way.

A request hands over references and goes on. One thread turns pages into Arrow, seldom and many at
a time: whoever wants the interpreter meanwhile waits for it some 2 ms, and that shall be one
request of hundreds. (A lower priority would not help: the thread would be put aside with the
interpreter in its hands.) Arrow's own work, the writing, needs no interpreter, only a core, of
which a server may have one: another thread does it, of a low priority, when requests leave time.

A file is written aside and renamed, so a killed server leaves no torn one; it loses what
`feature_log_seconds` had not brought to the disk yet. Nothing that goes wrong here reaches a
request: a full queue and a full disk cost pages of the log, and are counted.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from recsys import served_features
from recsys.query import Query
from recsys.recommender import Page
from recsys.served_features import ServedPage
from recsys.workspace import Workspace, write_atomically
from serving.metrics import Metrics
from serving.versions import ServedRecommender

logger = logging.getLogger(__name__)

_PAGES_PER_GROUP = 256
_REST_SECONDS = 0.01
_LOOK_SECONDS = 1.0
_PAGES_PER_FLUSH = 10_000
_WRITER_NICENESS = 15
"""A thirtieth of a request's weight: a server that is never at rest still writes, in seconds."""


class FeatureLog:
    """The log of one server, in the files that `recsys.served_features` describes."""

    def __init__(self, workspace: Workspace, metrics: Metrics) -> None:
        settings = workspace.config.serving
        self._workspace = workspace
        self._metrics = metrics
        self._share = settings.feature_log_share
        self._capacity = settings.feature_log_capacity
        self._look_seconds = min(_LOOK_SECONDS, settings.feature_log_seconds / 4)
        # A page waits for one look to be taken, and for another to be written.
        self._batched_seconds = settings.feature_log_seconds - 2 * self._look_seconds
        # Appending wakes nobody, unlike a queue: the thread looks by itself now and then.
        self._waiting: deque[ServedPage] = deque()
        self._batches: dict[tuple[dt.date, str], list[pa.RecordBatch]] = {}
        self._num_batched = 0
        self._due = float("inf")
        self._is_broken = False
        self._ending = threading.Event()
        self._writer = ThreadPoolExecutor(1, "features-file", initializer=_give_way)
        metrics.pages_waiting.set_function(lambda: len(self._waiting) + self._num_batched)

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
        version, features = recommender.version, recommender.query_features
        self._waiting.append(
            ServedPage(request_id, query.user_id, query.time, version, query.k, page, features)
        )

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
            self._take_waiting()
            if self._num_batched and time.monotonic() >= self._due:
                self._flush()
        self._take_waiting()
        self._flush()

    def _take_waiting(self) -> None:
        """Takes what waits now; what comes meanwhile waits for the next look, or there would be a
        group for each page."""
        num_left = len(self._waiting)
        while num_left:
            if not self._num_batched:
                self._due = time.monotonic() + self._batched_seconds
            group = [self._waiting.popleft() for _ in range(min(num_left, _PAGES_PER_GROUP))]
            self._batch(group)
            if self._num_batched >= _PAGES_PER_FLUSH:
                self._flush()
            num_left -= len(group)
            self._ending.wait(_REST_SECONDS)

    def _batch(self, group: list[ServedPage]) -> None:
        for place, of_place in itertools.groupby(group, key=_place):
            pages = list(of_place)
            with self._survived(len(pages)):
                rows = served_features.batch(pages)
                self._batches.setdefault(place, []).append(rows)
                self._num_batched += len(pages)

    def _flush(self) -> None:
        batches, self._batches, self._num_batched = self._batches, {}, 0
        for (day, bundle), rows in batches.items():
            num_pages = sum(batch.num_rows for batch in rows)
            with self._survived(num_pages):
                pages = pa.Table.from_batches(rows)
                self._writer.submit(self._publish, day, bundle, pages).result()
                self._metrics.pages_logged.inc(num_pages)
                self._is_broken = False

    def _publish(self, day: dt.date, bundle: str, pages: pa.Table) -> None:
        content = pa.BufferOutputStream()
        pq.write_table(pages, content, compression="zstd")
        folder = served_features.folder(self._workspace, day) / f"bundle={bundle}"
        # Servers may share the folder.
        write_atomically(folder / f"{uuid.uuid4().hex}.parquet", content.getvalue().to_pybytes())

    @contextlib.contextmanager
    def _survived(self, num_pages: int) -> Iterator[None]:
        """Counts what fails, and logs it when nothing failed before: a full disk stays full."""
        try:
            yield
        except Exception:  # whatever it is, requests must not notice
            self._metrics.flush_failures.inc()
            self._metrics.pages_not_logged.labels("failed").inc(num_pages)
            if not self._is_broken:
                self._is_broken = True
                logger.exception("features of %d served pages are not logged", num_pages)


def _give_way() -> None:
    """Lowers this thread's priority; where threads have none of their own, it stays."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _WRITER_NICENESS)


def _place(page: ServedPage) -> tuple[dt.date, str]:
    return page.time.astimezone(dt.UTC).date(), page.bundle
