"""A day of logs that a fault rewrites, file by file."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recsys.errors import BadInput
from recsys.tables import Table
from recsys.workspace import Workspace, staged_folder


@dataclass(frozen=True)
class BrokenDay:
    """The tables of one day, to be changed."""

    workspace: Workspace
    date: dt.date
    rng: np.random.Generator
    """Chooses rows, where only some are touched."""

    def last_days(self, num_days: int) -> list[BrokenDay]:
        """The last days up to this one, in order; fewer where the logs begin later."""
        days = [day for day in self.workspace.days("requests") if day <= self.date]
        return [dataclasses.replace(self, date=day) for day in days[-num_days:]]

    def read(self, table: Table) -> Any:
        """A table's rows, as they are now."""
        return pa.concat_tables([_read(file) for file in self._files(table)])

    def rewrite(self, table: Table, change: Callable[[Any], Any]) -> None:
        """Puts other rows in the place of each file's."""
        files = self._files(table)
        with staged_folder(self.workspace.day(table, self.date)) as folder:
            for file in files:
                pq.write_table(change(_read(file)), folder / file.name, compression="zstd")

    def replace(self, table: Table, column: str, change: Callable[[Any], Any]) -> None:
        """Puts other values in the place of a column's."""

        def changed(rows: Any) -> Any:
            place = self._place(rows, table, column)
            return rows.set_column(place, column, change(rows[column]))

        self.rewrite(table, changed)

    def drop(self, table: Table, column: str) -> None:
        """Takes a column away."""
        self.rewrite(table, lambda rows: rows.remove_column(self._place(rows, table, column)))

    def replace_some(self, table: Table, column: str, share: float, value: object) -> None:
        """Puts one value in the place of a share of a column's."""

        def changed(values: Any) -> Any:
            return pc.if_else(self.some(len(values), share), pa.scalar(value, values.type), values)

        self.replace(table, column, changed)

    def keep(self, table: Table, which: Callable[[Any], Any]) -> None:
        """Drops the rows for which a mask over them is not true."""
        self.rewrite(table, lambda rows: rows.filter(which(rows)))

    def some(self, num_rows: int, share: float) -> Any:
        """A mask over rows that is true for a share of them, chosen at random."""
        return pa.array(self.rng.random(num_rows) < share)

    def remove(self, table: Table) -> None:
        """Takes the day's folder away."""
        self._files(table)
        shutil.rmtree(self.workspace.day(table, self.date))

    def take_from_yesterday(self, table: Table) -> None:
        """Puts the files of the day before in the place of this day's."""
        *earlier, _ = self.last_days(2)
        if not earlier:
            raise BadInput(
                f"the fault delivers the files of the day before again, found no day before "
                f"{self.date} in {self.workspace.logs}: break a later day."
            )
        with staged_folder(self.workspace.day(table, self.date)) as folder:
            for file in earlier[0]._files(table):
                shutil.copy(file, folder)

    @staticmethod
    def _place(rows: Any, table: Table, column: str) -> int:
        if column not in rows.column_names:
            raise BadInput(
                f"the fault changes the column {column!r} of {table}, found only "
                f"{', '.join(rows.column_names)}: choose another fault."
            )
        return int(rows.column_names.index(column))

    def _files(self, table: Table) -> list[Path]:
        files = self.workspace.files(table, self.date)
        if not files:
            raise BadInput(
                f"the fault changes {table} of {self.date}, found no file of it in "
                f"{self.workspace.logs}: choose another day, or another fault."
            )
        return files


def _read(file: Path) -> Any:
    """A file's rows; its folder's name is no column of them."""
    with pq.ParquetFile(file) as opened:
        return opened.read()
