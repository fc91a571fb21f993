from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serving.shortcut import Shortcut


class Known(Exception):
    pass


class MoreKnown(Known):
    pass


class Unknown(Exception):
    pass


async def handle(request: Request) -> Response:
    body = await request.body()
    errors: dict[bytes, Exception] = {b"known": MoreKnown("no"), b"unknown": Unknown("what")}
    if body in errors:
        raise errors[body]
    return JSONResponse({"by": "the shortcut"})


async def said(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 418)


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/page")
    async def page() -> dict[str, str]:
        return {"by": "the router"}

    app.add_exception_handler(Known, said)
    app.add_exception_handler(Exception, said)
    return app


def asked(method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of the answer."""
    sent: list[dict[str, Any]] = []
    ask(method, path, body, sent)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def ask(method: str, path: str, body: bytes, sent: list[dict[str, Any]]) -> None:
    """Adds to what is sent."""
    app = application()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "app": app}
    further = {"query_string": b"", "root_path": "", "http_version": "1.1", "scheme": "http"}
    shortcut = Shortcut(app, "POST", "/page", handle, app.exception_handlers)
    asyncio.run(shortcut({**scope, **further}, receive, send))


def test_its_own_route_never_reaches_the_router() -> None:
    assert asked("POST", "/page") == (200, b'{"by":"the shortcut"}')


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/page", 405), ("POST", "/pages", 404)]
)
def test_all_else_does(method: str, path: str, status: int) -> None:
    assert asked(method, path)[0] == status


def test_errors_are_answered_as_the_application_answers_them() -> None:
    assert asked("POST", "/page", b"known") == (418, b'{"detail":"no"}')


def test_what_nobody_expects_is_answered_and_goes_on_up() -> None:
    sent: list[dict[str, Any]] = []
    with pytest.raises(Unknown):
        ask("POST", "/page", b"unknown", sent)
    assert [message.get("status") for message in sent] == [418, None]
    assert sent[1]["body"] == b'{"detail":"what"}'
