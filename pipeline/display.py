"""Shows a run to the person who waits for it: a line a component, and what is running now."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline.store import State, Watch


@contextlib.contextmanager
def shown() -> Iterator[Watch]:
    """A watch of the store that writes to standard error."""
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        running = progress.add_task("starting")

        def watch(component: str, span: str, state: State, seconds: float) -> None:
            line = f"{span}  {component:<18}"
            if state == "running":
                progress.reset(running, description=line)
            else:
                progress.console.print(line, f"{seconds:7.1f} s" if state == "done" else state)

        yield watch
