"""Every request from outside: its id, how long it took, what became of it."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Awaitable

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.logs import REQUEST_ID
from serving.metrics import Metrics
from serving.request_ids import random_digits

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_ID_DIGITS = 32
# Those that may be refused before a route is looked up.
_PLAIN_ROUTES = frozenset({"/v1/recommend", "/v1/events"})


class Access:
    """ASGI middleware that gives each request an id, counts and times it by route and status, and
    logs a share of them.

    `X-Request-Id` is taken from the request where it is a short plain word, and made otherwise; it
    is in the answer and in every line that is logged meanwhile. `Server-Timing` tells the client
    the server's share of the wait.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log_share: float) -> None:
        self._app = app
        self._metrics = metrics
        self._log_share = log_share
        self._series: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; its route's template is known once it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        request_id = _id_of(scope)
        REQUEST_ID.set(request_id)

        def watched(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                milliseconds = 1_000 * (time.perf_counter() - began)
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"server-timing", b"app;dur=%.2f" % milliseconds),
                ]
            return send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - began
            route = _route(scope)
            count, histogram = self._series_of(route, status)
            count.inc()
            histogram.observe(seconds)
            if status == 500 or random.random() < self._log_share:
                _log(scope["method"], route, status, seconds)

    def _series_of(self, route: str, status: int) -> tuple[Counter, Histogram]:
        """Finding a series by its labels would take longer than counting."""
        if (series := self._series.get((route, status))) is None:
            metrics = self._metrics
            series = metrics.requests.labels(route, status), metrics.seconds.labels(route)
            self._series[route, status] = series
        return series


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return random_digits(_ID_DIGITS)


def _route(scope: Scope) -> str:
    """Not the path: a label for each user or app would fill Prometheus's memory."""
    route = getattr(scope.get("route"), "path", None)
    if route is None:
        return scope["path"] if scope["path"] in _PLAIN_ROUTES else "other"
    return str(route)


def _log(method: str, route: str, status: int, seconds: float) -> None:
    fields = {
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(1_000 * seconds, 2),
    }
    level = logging.ERROR if status == 500 else logging.INFO
    logger.log(level, "request", extra={"fields": fields})
