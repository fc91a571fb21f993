"""The progress bar of generation: days, and impressions a second."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data.generate import Totals


@contextlib.contextmanager
def day_progress(num_days: int) -> Iterator[Callable[[Totals], None]]:
    """A bar on standard error, moved by calling what it yields; none where that is no terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("days"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} impressions/s"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("days", total=num_days, rate=0.0)

        def day_done(totals: Totals) -> None:
            done = totals.days_before + totals.days
            progress.update(task, completed=done, rate=totals.impressions_per_s)

        yield day_done
