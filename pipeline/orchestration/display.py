"""Shows a run to the person who waits for it: a line for a day's data, a line for each component of
training, what is running now, and what the gate found."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline import artifacts
from pipeline.store import State
from recsys.features.anomalies import Row

_DATA = [kind.component for kind in artifacts.DATA]


class Shown:
    """A watch of the store that writes lines above what is running now."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._running = progress.add_task("starting")
        self._data: list[str] = []

    def __call__(self, component: str, span: str, state: State, seconds: float) -> None:
        """Shows what the store is doing."""
        if state == "running":
            self._progress.reset(self._running, description=f"{span}  {component}")
            return
        took = f"{seconds:.1f} s" if state == "done" else state
        if component not in _DATA:
            self._print(f"{span}  {component:<18} {took:>8}")
            return
        self._data.append(f"{component} {took}")
        if component == _DATA[-1]:
            self._print(f"{span}  {', '.join(self._data)}")
            self._data.clear()

    def warn(self, day: dt.date, rows: Sequence[Row]) -> None:
        """Shows what is odd about a day that passed."""
        self._print(f"{day}  passed, with warnings:\n{table(rows)}")

    def _print(self, text: str) -> None:
        self._progress.console.print(text, soft_wrap=True, markup=False)


@contextlib.contextmanager
def shown() -> Iterator[Shown]:
    """Shows a run on standard error while the block lasts."""
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Shown(progress)


def table(rows: Sequence[Row]) -> str:
    """Anomalies for the terminal: which, what was found, and below it what would settle it."""
    width = max((len(row.name) for row in rows), default=0)
    lines = []
    for row in rows:
        lines.append(f"  {row.severity:<7}  {row.name:<{width}}  {row.short}: {row.description}")
        lines.append(f"  {'':<7}  {'':<{width}}  -> {row.remedy}")
    return "\n".join(lines)


def markdown(rows: Sequence[Row]) -> str:
    """The same as a table of Markdown."""
    head = ["severity", "feature", "anomaly", "found", "proposed"]
    cells = [[row.severity, row.name, row.short, row.description, row.remedy] for row in rows]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in cells]
    lines = [head, ["---"] * len(head), *escaped]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
