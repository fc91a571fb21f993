"""The least that a page can cost over HTTP: an empty FastAPI endpoint that answers the same bytes
each time."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

from loadtests import one_endpoint
from recsys.workspace import Workspace


def application(workspace: Workspace, file: Path) -> FastAPI:
    """Answers every request for a page with the file's bytes."""
    app, page = FastAPI(), file.read_bytes()

    @app.post("/v1/recommend")
    async def recommend() -> Response:
        return Response(page, media_type="application/json")

    return app


if __name__ == "__main__":
    one_endpoint.serve(application)
