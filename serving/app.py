"""The HTTP server's application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from importlib import metadata
from pathlib import Path

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from recsys.workspace import Workspace
from serving import problems
from serving.access import Access
from serving.gate import Gate
from serving.population import Progress, no_progress
from serving.routes import apps, bundles, status, users
from serving.shortcut import Shortcut
from serving.state import ServerState
from serving.versions import Load

_PAGES = Path(__file__).parent / "storefront"
# The pages load nothing from other hosts, and browsers hold them to it.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


def create_app(
    workspace: Workspace,
    load: Load | None = None,
    progress: Progress = no_progress,
    ready: Callable[[str], None] = lambda version: None,
    url: str = "",
    loads: Executor | None = None,
    own_url: str = "",
) -> FastAPI:
    """The application over a workspace; users and the live bundle are loaded once it runs.

    Args:
        workspace: where users, bundles and the configuration lie.
        load: makes a recommender of a bundle's folder; none for what costs requests least.
        progress: is told how many users are loaded.
        ready: is told the bundle's version once, when the server can answer.
        url: where it answers, for those who ask which servers run.
        loads: where bundles and users are loaded; none for a thread.
        own_url: where this process alone answers, if several share `url`.
    """
    state = ServerState(workspace, load, url, loads, own_url)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with state.running(progress, ready):
            yield

    on = workspace.config.serving.opentelemetry
    app = FastAPI(
        title="recsys",
        version=metadata.version("recsys"),
        description="Two-stage recommendations over HTTP.",
        lifespan=lifespan,
        responses=problems.INVALID,
        # Off, since each request would look for it in the environment.
        telemetry=TelemetryConfig(tracing=on, metrics=on, logs=on, auto_configure=on),
        docs_url=None,
        redoc_url=None,
    )
    app.state.server = state
    problems.add_handlers(app)
    for room in (apps, users, bundles, status):
        app.include_router(room.router)
    app.mount("/storefront", StaticFiles(directory=_PAGES))
    for path, name in (("/", "index.html"), ("/docs", "docs.html")):
        app.add_api_route(path, _page(name), include_in_schema=False)
    app.middleware_stack = _front(app, state, app.build_middleware_stack())
    return app


def _front(app: FastAPI, state: ServerState, rest: ASGIApp) -> ASGIApp:
    """Ours before FastAPI's layers, not between them: most requests are answered without meeting
    those, and a failure's answer passes ours like all others."""
    settings, metrics = state.config.serving, state.metrics
    if not settings.opentelemetry:
        rest = Shortcut(rest, "POST", "/v1/recommend", apps.recommended, app.exception_handlers)
    gate = Gate(rest, state.queue, metrics, settings.max_body_bytes)
    return Access(gate, metrics, settings.access_log_share)


def _page(name: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return FileResponse(_PAGES / name, headers=_PAGE_HEADERS)

    return page
