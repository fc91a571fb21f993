"""Routes whose body pydantic reads from its bytes, in one pass.

FastAPI reads JSON into Python's values first and looks for dependencies at each request, which
takes longer than all else that the server does around the model. The OpenAPI document is FastAPI's
as ever: it is made of the endpoint's signature.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

from serving.state import ServerState

_Body = TypeVar("_Body", bound=BaseModel)
Answer = Callable[[_Body, ServerState], Awaitable[Response]]
Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def reader(model: type[_Body], answer: Answer[_Body]) -> Handle:
    """Gives `answer` a request's body and the server's state."""

    async def handled(request: Request) -> Response:
        try:
            body = model.model_validate_json(await _content(request.receive))
        except ValidationError as error:
            raise RequestValidationError(_in_body(error)) from None
        state: ServerState = request.app.state.server
        return await answer(body, state)

    return handled


def reading(handle: Handle) -> type[APIRoute]:
    """The class of a route that is handled so, whatever its endpoint's signature says."""

    class Route(APIRoute):
        def get_route_handler(self) -> Handle:
            return handle

    return Route


async def _content(receive: Receive) -> bytes:
    """As `Request.body` reads it, which goes through a generator even where all is there."""
    content = b""
    is_whole = False
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        content += message.get("body", b"")
        is_whole = not message.get("more_body", False)
    return content


def _in_body(error: ValidationError) -> list[dict[str, Any]]:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return [{**first, "loc": ("body", *first["loc"])}]
