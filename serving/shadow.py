"""A bundle that makes pages which nobody sees: what it would show is compared with what was shown.

It lives in a process of its own that yields to the server (`serving.aside`), so neither its time
nor its failure is any request's. Pages wait for it in a short queue; those that find it full are
not compared, and counted.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram

from recsys.errors import BadInput
from recsys.query import Query
from recsys.recommender import Page
from serving.aside import Aside

logger = logging.getLogger(__name__)

_MOST_WAITING = 64
_LOOK_SECONDS = 0.02
_TENTHS = tuple(tenth / 10 for tenth in range(11))
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Shadow:
    """The shadow of one server."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.problem = ""
        """Why its bundle makes no pages; empty where it does, or there is none."""
        self._waiting: deque[tuple[Query, Page]] = deque()
        self._folder: Path | None = None
        self._aside: Aside | None = None
        self._ending = threading.Event()
        self._overlap = Histogram(
            "recsys_shadow_overlap",
            "Share of a shown page's apps that the shadow would have shown too.",
            buckets=_TENTHS,
            registry=registry,
        )
        self._seconds = Histogram(
            "recsys_shadow_seconds",
            "Seconds that a page took the shadow.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._missed = Counter(
            "recsys_shadow_missed",
            "Pages of the shadow's share that were not compared, by reason: full, failed.",
            ["reason"],
            registry=registry,
        )

    @property
    def is_wanted(self) -> bool:
        """Whether it has a bundle that may make pages."""
        return self._folder is not None and not self.problem

    def use(self, folder: Path | None) -> None:
        """Names the bundle that makes its pages, or none."""
        if folder != self._folder:
            self._waiting.clear()
            self._folder, self.problem = folder, ""
            if self._aside is not None:
                self._aside.close()

    def offer(self, query: Query, page: Page) -> None:
        """Has a page that was shown compared, some time."""
        if not self.is_wanted:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._missed.labels("full").inc()
            return
        self._waiting.append((query, page))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Compares while the block runs."""
        thread = threading.Thread(target=self._run, name="shadow")
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            if self._aside is not None:
                self._aside.close()
            thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            while self._waiting and not self._ending.is_set():
                folder = self._folder
                with contextlib.suppress(IndexError):  # they were cleared meanwhile
                    query, page = self._waiting.popleft()
                    self._compare(folder, query, page)

    def _compare(self, folder: Path | None, query: Query, page: Page) -> None:
        if folder is None or self.problem:
            return
        try:
            shelf = self._started(folder).ask(query)
        except BadInput as error:
            self._missed.labels("failed").inc()
            self._end()
            if folder == self._folder and not self._ending.is_set():
                self.problem = str(error)
                logger.warning("the shadow makes no pages: %s", error)
            return
        shown = {item.app_id for item in page.items}
        self._overlap.observe(len(shown.intersection(shelf.app_ids)) / max(1, len(shown)))
        self._seconds.observe(shelf.milliseconds / 1_000)

    def _started(self, folder: Path) -> Aside:
        if self._aside is not None and self._aside.folder != folder:
            self._end()
        if self._aside is None:
            self._aside = Aside(folder)
            self._aside.wait()
        return self._aside

    def _end(self) -> None:
        if self._aside is not None:
            self._aside.close()
            self._aside = None
