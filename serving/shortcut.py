"""The way of most requests, past FastAPI's layers and its router, which take longer than all else
that the server does around the model.

The route is declared as every other: the OpenAPI document is FastAPI's, and where OpenTelemetry
wants to see each request, none takes the shortcut.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.read_body import Handle


class Shortcut:
    """ASGI middleware in front of an application: answers one method of one path, and passes all
    else on."""

    def __init__(
        self, app: ASGIApp, method: str, path: str, handle: Handle, handlers: Mapping[Any, Any]
    ) -> None:
        """
        Args:
            app: answers all else.
            method: the method it answers.
            path: the path that it answers.
            handle: how.
            handlers: the application's handlers of errors, by their class.
        """
        self._app = app
        self._method = method
        self._path = path
        self._handle = handle
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it."""
        if scope.get("path") != self._path or scope.get("method") != self._method:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._handle(request)
        except Exception as error:
            await self._said(request, error, send)
        else:
            await response(scope, receive, send)

    async def _said(self, request: Request, error: Exception, send: Send) -> None:
        """Answers as the application's handler of such errors does; what none but that of all
        errors expects goes on up as well."""
        kind = next((one for one in type(error).__mro__ if one in self._handlers), None)
        if kind is None:
            raise error
        response: Response = await self._handlers[kind](request, error)
        await response(request.scope, request.receive, send)
        if kind is Exception:
            raise error
