"""The progress bar of a simulation: parts of days, and requests a second."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data.simulation.over_http import Agreement
from data.simulation.running import Plan, Totals
from data.simulation.running import Progress as Told


@contextlib.contextmanager
def parts_progress(plan: Plan) -> Iterator[Told]:
    """A bar on standard error, moved by calling what it yields; none where that is no terminal."""
    console = Console(stderr=True)
    a_day = len(plan.crowd.experiment.arms) * plan.crowd.num_shards()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} requests/s"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("parts of days", total=a_day * plan.num_days, rate=0.0)

        def part_done(totals: Totals) -> None:
            done = totals.days_before * a_day + totals.parts
            progress.update(task, completed=done, rate=totals.requests_per_s)

        yield part_done


@contextlib.contextmanager
def pages_progress() -> Iterator[Callable[[Agreement], None]]:
    """The same for pages of a server, of which nobody knows how many there will be."""
    console = Console(stderr=True)
    columns = TextColumn("pages of a server"), BarColumn(), TextColumn("{task.completed:,.0f}")
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda found: progress.update(task, completed=found.pages)
