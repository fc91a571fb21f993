"""How the server is, for machines."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from serving import problems
from serving.state import State

router = APIRouter(tags=["status"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses=problems.NOT_READY)
async def readyz(state: State) -> dict[str, str]:
    """Users are loaded, a bundle serves, the model answers, and the server won't stop. A full queue
    is no reason to send requests elsewhere: those in it are answered in time."""
    return {"status": "ok", "bundle": state.require_ready().version}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(
    state: State, of: Annotated[str, Query(description="`worker`: of that process alone.")] = ""
) -> Response:
    """Prometheus metrics; of a server with several workers those of all, or of the one that
    answers."""
    text = state.metrics.render() if of == "worker" else await state.all_metrics()
    return Response(text, media_type=CONTENT_TYPE_LATEST)
