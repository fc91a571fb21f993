"""Applications that a measurement compares ours with, served by the same means: uvicorn, one
process, no access log, and at `/metrics` what the process has used."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from starlette.responses import Response

from recsys.workspace import Workspace


def serve(make: Callable[[Workspace, Path], FastAPI]) -> None:
    """Serves what the command line asks for, as `recsys serve` would, until it is told to stop.

    Args:
        make: the application of a workspace and of the file that is named last.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    app = make(Workspace(given.workspace), given.file)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type="text/plain")

    with socket.create_server(("127.0.0.1", given.port)) as listener:
        sys.stdout.write(f"it serves at http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()  # whoever comes before uvicorn listens waits in the listener's queue
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run([listener])
