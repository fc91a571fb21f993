"""The progress bar of generation: days, and impressions a second."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data.generate import Totals


class DayProgress:
    """A bar on standard error; nothing where that is not a terminal."""

    def __init__(self, num_days: int) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("days"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:,.0f} impressions/s"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("days", total=num_days, rate=0.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def day_done(self, totals: Totals) -> None:
        """Moves the bar on."""
        self._progress.update(self._task, completed=totals.days, rate=totals.impressions_per_s)
