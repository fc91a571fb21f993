"""What Prometheus sees of the server, at `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from recsys.recommender import Page
from recsys.stages import STAGES, Stage
from serving.ladder import Degraded
from serving.user_store import Event
from serving.versions import ServedRecommender, Versions

_LATENCY_BUCKETS_S = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
_STAGE_BUCKETS_S = (
    *(0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005),
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1),
)
_BATCH_BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
_SWAP_BUCKETS_S = (0.01, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0)


class Metrics:
    """The server's metrics, in a registry of their own."""

    def __init__(self, versions: Versions) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, processor time, open files
        self.requests = Counter(
            "recsys_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "recsys_request_seconds",
            "Seconds from a request's head to its answer's last byte.",
            ["route"],
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.removed = Counter(
            "recsys_candidates_removed",
            "Candidates that a filter took off a page.",
            ["filter"],
            registry=self.registry,
        )
        self.recommended = Counter(
            "recsys_recommended_apps", "Apps on the pages served.", registry=self.registry
        )
        self.events = Counter("recsys_events", "Events kept.", ["kind"], registry=self.registry)
        self.commits = Counter(
            "recsys_event_commits",
            "Durable writes, each of the events of all requests that came together.",
            registry=self.registry,
        )
        self.pages_logged = Counter(
            "recsys_feature_log_pages", "Pages whose features are on disk.", registry=self.registry
        )
        self.pages_not_logged = Counter(
            "recsys_feature_log_dropped",
            "Pages whose features were to be logged and were not, by reason: full, failed.",
            ["reason"],
            registry=self.registry,
        )
        self.flush_failures = Counter(
            "recsys_feature_log_failures",
            "Times that features could not be written.",
            registry=self.registry,
        )
        self.pages_waiting = Gauge(
            "recsys_feature_log_queue",
            "Pages whose features wait to be logged.",
            registry=self.registry,
        )
        self.requests_not_logged = Counter(
            "recsys_request_log_dropped",
            "Requests that the daily log lacks, since the disk refused them.",
            registry=self.registry,
        )
        self.queue_length = Gauge(
            "recsys_queue_length",
            "Requests that wait for the model or are computed.",
            registry=self.registry,
        )
        self.queue_seconds = Histogram(
            "recsys_queue_seconds",
            "Seconds that an answered request waited for the model.",
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "recsys_batch_size",
            "Requests that were computed together.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "recsys_batch_seconds",
            "Seconds in which they were computed.",
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._stages = Histogram(
            "recsys_stage_seconds",
            "Seconds that a stage of the request path took for a batch.",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._of_filter: dict[str, Counter] = {}  # to find one by its label takes longer
        self._of_stage = {stage: self._stages.labels(stage) for stage in STAGES}
        self.shed = Counter(
            "recsys_shed_requests",
            "Requests told to come back later, by reason: full, deadline, store.",
            ["reason"],
            registry=self.registry,
        )
        self.degraded = Counter(
            "recsys_degraded_pages",
            "Pages made lower on the ladder: retrieval_order, popular.",
            ["rung"],
            registry=self.registry,
        )
        self.swap_seconds = Histogram(
            "recsys_swap_seconds",
            "Seconds from a bundle's being asked for to its serving, or being refused.",
            ["outcome"],
            buckets=_SWAP_BUCKETS_S,
            registry=self.registry,
        )
        self._bundle = Gauge(
            "recsys_bundle_info",
            "1 for the bundle that serves.",
            ["version"],
            registry=self.registry,
        )
        self._refused = Gauge(
            "recsys_bundle_refused",
            "1 while the bundle asked for last is refused.",
            registry=self.registry,
        )
        self._versions = versions
        self._asked = ("", 0.0)
        # A series that is not there can't be told from one that nobody counts.
        for counter, labels in (
            (self.shed, ("full", "deadline", "store")),
            (self.degraded, ("retrieval_order", "popular")),
            (self.pages_not_logged, ("full", "failed")),
            (self.swap_seconds, ("served", "refused")),
        ):
            for label in labels:
                counter.labels(label)

    def served(self, page: Page, degraded: Degraded | None) -> None:
        """Counts a page and its apps, and the candidates that filters took off it."""
        if degraded is not None:
            self.degraded.labels(degraded).inc()
        self.recommended.inc(len(page.items))
        for name, count in page.num_removed.items():
            if name not in self._of_filter:
                self._of_filter[name] = self.removed.labels(name)
            if count:
                self._of_filter[name].inc(count)

    def stage(self, stage: Stage, seconds: float) -> None:
        """Notes what a stage took for a batch."""
        self._of_stage[stage].observe(seconds)

    def kept(self, events: Iterable[Event]) -> None:
        """Counts events by kind."""
        for event in events:
            self.events.labels(event.kind).inc()

    def swapping(self, serving: str | None, loading: str | None) -> None:
        """Times swaps: is told which bundle serves, and which one is being tried until it does or
        is refused."""
        if loading is not None:
            self._asked = (loading, time.monotonic())
        else:
            asked, began = self._asked
            outcome = "served" if serving == asked else "refused"
            self.swap_seconds.labels(outcome).observe(time.monotonic() - began)

    def render(self) -> bytes:
        """All of it, in Prometheus's text format."""
        serving: ServedRecommender | None = self._versions.serving
        self._bundle.clear()
        if serving is not None:
            self._bundle.labels(serving.version).set(1)
        self._refused.set(self._versions.refused is not None)
        return generate_latest(self.registry)
