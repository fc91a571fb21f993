"""Where the tables of experiments lie, and how a day of them is written.

    experiments/<name>/exposures/day=YYYY-MM-DD/*.parquet   of a simulation
    experiments/<name>/outcomes/day=YYYY-MM-DD/*.parquet
    experiments/<name>/users.parquet                        what is known of its users
    experiments/<name>/simulation.json                      what it was, in words and numbers
    logs/exposures/day=YYYY-MM-DD/*.parquet                 of a server, all experiments together

Columns are those of `recsys.experiments.tables`. A server's outcomes are made of the daily logs.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.workspace import Workspace, staged_folder, write_atomically

_DAY = "day="


@dataclass(frozen=True)
class DailyTable:
    """A folder with a folder of Parquet files for each day."""

    folder: Path

    def of_day(self, day: dt.date) -> Path:
        """The folder of one day."""
        return self.folder / f"{_DAY}{day.isoformat()}"

    def days(self) -> list[dt.date]:
        """The days that have a folder, in order."""
        names = (path.name for path in self.folder.glob(f"{_DAY}*"))
        return sorted(dt.date.fromisoformat(name.removeprefix(_DAY)) for name in names)

    def files(self, day: dt.date) -> list[Path]:
        """The files of one day, in order; none where there is no such day."""
        return sorted(self.of_day(day).glob("*.parquet"))

    def write(self, day: dt.date, rows: pa.Table) -> None:
        """Publishes a day whole, in place of what was there of it."""
        with staged_folder(self.of_day(day)) as staged:
            pq.write_table(rows, staged / "part-0.parquet", compression="zstd")


@dataclass(frozen=True)
class Simulated:
    """The tables of one simulated experiment."""

    folder: Path

    @staticmethod
    def of(workspace: Workspace, name: str) -> Simulated:
        """Where a workspace keeps them."""
        return Simulated(workspace.root / "experiments" / name)

    @property
    def exposures(self) -> DailyTable:
        """Rows as `recsys.experiments.tables.EXPOSURES`."""
        return DailyTable(self.folder / "exposures")

    @property
    def outcomes(self) -> DailyTable:
        """Rows as `recsys.experiments.tables.OUTCOMES`, maybe of days before the experiment too."""
        return DailyTable(self.folder / "outcomes")

    @property
    def users(self) -> Path:
        """A file with a `user_id` and the columns that users may be sliced by: the users of a
        simulation need not be those of the logs, though they bear the same ids."""
        return self.folder / "users.parquet"

    def write_users(self, rows: pa.Table) -> None:
        """Publishes that file."""
        content = pa.BufferOutputStream()
        pq.write_table(rows, content, compression="zstd")
        write_atomically(self.users, content.getvalue().to_pybytes())

    @property
    def _note(self) -> Path:
        return self.folder / "simulation.json"

    def describe(self, values: Mapping[str, Any]) -> None:
        """Notes what the simulation was, by words that a reader is shown as they are."""
        write_atomically(self._note, json.dumps(values, indent=1, default=str).encode() + b"\n")

    def description(self) -> dict[str, Any] | None:
        """What was noted; None where there is no simulation."""
        found: dict[str, Any] | None
        found = json.loads(self._note.read_text()) if self._note.exists() else None
        return found


def logged_exposures(workspace: Workspace) -> DailyTable:
    """Who was served which arm, as a server logged it."""
    return DailyTable(workspace.logs / "exposures")
