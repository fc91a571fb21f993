"""Shows a run to the person who waits for it: a line for a day's data, a line for each component of
training, and what is running now."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline import artifacts
from pipeline.store import State, Watch

_DATA = [kind.component for kind in artifacts.DATA]


@contextlib.contextmanager
def shown() -> Iterator[Watch]:
    """A watch of the store that writes to standard error."""
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        running = progress.add_task("starting")
        data: list[str] = []

        def watch(component: str, span: str, state: State, seconds: float) -> None:
            if state == "running":
                progress.reset(running, description=f"{span}  {component}")
                return
            took = f"{seconds:.1f} s" if state == "done" else state
            if component not in _DATA:
                progress.console.print(f"{span}  {component:<18} {took:>8}", soft_wrap=True)
                return
            data.append(f"{component} {took}")
            if component == _DATA[-1]:
                progress.console.print(f"{span}  {', '.join(data)}", soft_wrap=True)
                data.clear()

        yield watch
