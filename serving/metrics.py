"""What Prometheus sees of the server, at `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.recommender import Page
from serving.user_store import Event
from serving.versions import ServedRecommender, Versions

_LATENCY_BUCKETS_S = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)


class Metrics:
    """The server's metrics, in a registry of their own."""

    def __init__(self, versions: Versions) -> None:
        self.registry = CollectorRegistry()
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

    def served(self, page: Page) -> None:
        """Counts a page's apps, and the candidates that filters took off it."""
        self.recommended.inc(len(page.items))
        for name, count in page.num_removed.items():
            self.removed.labels(name).inc(count)

    def kept(self, events: Iterable[Event]) -> None:
        """Counts events by kind."""
        for event in events:
            self.events.labels(event.kind).inc()

    def render(self) -> bytes:
        """All of it, in Prometheus's text format."""
        serving: ServedRecommender | None = self._versions.serving
        self._bundle.clear()
        if serving is not None:
            self._bundle.labels(serving.version).set(1)
        self._refused.set(self._versions.refused is not None)
        return generate_latest(self.registry)


class MeasuredRequests:
    """ASGI middleware that counts and times requests by route and status, and tells the client the
    server's share of the wait in a Server-Timing header."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; its route's template is known once it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                milliseconds = 1_000 * (time.perf_counter() - began)
                MutableHeaders(scope=message)["Server-Timing"] = f"app;dur={milliseconds:.2f}"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            # Not the path: a label for each user or app would fill Prometheus's memory.
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
