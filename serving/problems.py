"""How the server says no: every error is `{"detail": one sentence}`."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from recsys.errors import BadInput
from serving.api import Problem
from serving.batches import TooMuchWaits
from serving.gate import BUSY
from serving.logs import REQUEST_ID
from serving.model_queue import Shed
from serving.state import ServerState
from serving.user_store import StoreUnavailable

logger = logging.getLogger(__name__)

_Documented = dict[int | str, dict[str, Any]]

INVALID: _Documented = {422: {"model": Problem, "description": "The request can't be used"}}
UNKNOWN: _Documented = {404: {"model": Problem, "description": "There is no such thing"}}
NOT_READY: _Documented = {503: {"model": Problem, "description": "Not ready, or too busy"}}
FORBIDDEN: _Documented = {401: {"model": Problem, "description": "The admin token is missing"}}
BODY: _Documented = {
    413: {"model": Problem, "description": "The body is too long"},
    415: {"model": Problem, "description": "The body is no JSON"},
}
REFUSED: _Documented = {409: {"model": Problem, "description": "What serves serves on"}}


def add_handlers(app: FastAPI) -> None:
    """Makes the app answer bad input with 422 and a sentence."""
    app.add_exception_handler(BadInput, _bad_input)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _said)
    app.add_exception_handler(Exception, _failed)
    app.add_exception_handler(Shed, _shed)
    app.add_exception_handler(StoreUnavailable, _no_store)
    app.add_exception_handler(TooMuchWaits, _too_much)


async def _shed(request: Request, error: Exception) -> Response:
    assert isinstance(error, Shed)
    state: ServerState = request.app.state.server
    state.metrics.shed.labels(error.reason).inc()
    return JSONResponse({"detail": BUSY}, 503, {"Retry-After": "1"})


async def _too_much(request: Request, error: Exception) -> Response:
    state: ServerState = request.app.state.server
    state.metrics.shed.labels("store").inc()
    return JSONResponse({"detail": BUSY}, 503, {"Retry-After": "1"})


async def _no_store(request: Request, error: Exception) -> Response:
    logger.error("%s", error)
    detail = "the user store does not answer: try again in some seconds."
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "1"})


async def _said(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # FastAPI's, for bytes that its parser gives up on
        return JSONResponse({"detail": "body: it can't be read as JSON."}, 422)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    request_id = REQUEST_ID.get() or ""
    detail = f"the server failed: its log says why, where it names the request {request_id}."
    # uvicorn closes the connection on which an application fails.
    return JSONResponse({"detail": detail}, 500, {"Connection": "close"})


async def _bad_input(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 422)


async def _invalid(request: Request, error: Exception) -> Response:
    # FastAPI's own answer echoes the input, which fails where that isn't JSON (NaN, half a
    # surrogate pair).
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    sentence = f"{where}: {first['msg']}."
    return JSONResponse({"detail": sentence.encode(errors="replace").decode()}, 422)
