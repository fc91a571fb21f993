"""A server that loads bundles the plain way, in the thread that answers requests: what
`recsys bench swap` compares with. `python -m loadtests.unisolated --port PORT --workspace DIR`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Annotated, Any

import typer

from recsys.workspace import Workspace
from serving import process
from serving.app import create_app
from serving.loading import load_recommender
from serving.stopping import Server


class InPlace(Executor):
    """Calls at once, whatever the caller has to do."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Calls it."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # it is raised where it is awaited
            done.set_exception(error)
        return done


def main(port: Annotated[int, typer.Option()], workspace: Annotated[Path, typer.Option()]) -> None:
    """Serves until it is told to stop."""
    place = Workspace(workspace)
    process.prepare(place.config.serving)
    taken = process.listener("127.0.0.1", port)
    url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    def ready(version: str) -> None:
        typer.echo(f"bundle {version} serves at {url}")
        sys.stdout.flush()

    app = create_app(place, load_recommender, ready=ready, loads=InPlace())
    Server(app).run([taken])


if __name__ == "__main__":
    typer.run(main)
