"""The way of most requests, past FastAPI's router and its layers, which take longer than all else
that the server does around the model.

The route is declared as every other: the OpenAPI document is FastAPI's, and where OpenTelemetry
wants to see each request, none takes the shortcut.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.read_body import Handle


class Shortcut:
    """ASGI middleware in front of the router: answers one method of one path, and passes all else
    on."""

    def __init__(self, app: ASGIApp, method: str, path: str, handle: Handle) -> None:
        self._app = app
        self._method = method
        self._path = path
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it."""
        is_mine = scope.get("path") == self._path and scope.get("method") == self._method
        if not is_mine:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._handle(request)
        except Exception as error:
            response = await _said(request, error)
        await response(scope, receive, send)


async def _said(request: Request, error: Exception) -> Response:
    """What the application's handler of such errors answers; what none expects goes on up."""
    handlers = request.app.exception_handlers
    for kind in type(error).__mro__:
        if kind is not Exception and kind in handlers:
            answer: Response = await handlers[kind](request, error)
            return answer
    raise error
