"""Writes the daily tables: one file a day and table, with one file of each table open at a time."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recsys.tables import SCHEMAS, Table


class DailyWriter(contextlib.ExitStack):
    """One table, a folder a day; closed at the end of its `with` block."""

    def __init__(self, logs: Path, table: Table, further: Mapping[str, pa.DataType]) -> None:
        super().__init__()
        self._folder = logs / table
        known = SCHEMAS[table]
        names = [name for name in further if name not in known.names]
        self._schema = pa.schema([*known, *(pa.field(name, further[name]) for name in names)])
        self._day: dt.date | None = None
        self._writer: pq.ParquetWriter

    def write(self, day: dt.date, rows: pa.RecordBatch) -> None:
        """Appends rows to a day, which is that of the last rows or a later one.

        The file has the table's columns and the further ones; those that `rows` lacks are null.
        """
        assert self._day is None or self._day <= day
        if day != self._day:
            self.close()
            folder = self._folder / f"day={day.isoformat()}"
            folder.mkdir(parents=True)
            file = pq.ParquetWriter(folder / "part-0.parquet", self._schema, compression="zstd")
            self._writer = self.enter_context(file)
            self._day = day
        self._writer.write_batch(_conformed(rows, self._schema))


def by_day(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[dt.date, pa.RecordBatch]]:
    """Cuts rows that are in order of their column `time` into days."""
    for rows in batches:
        days = rows["time"].cast(pa.date32()).cast(pa.int32()).to_numpy()
        starts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), rows.num_rows]
        for start, end in itertools.pairwise(starts):
            day = dt.date(1970, 1, 1) + dt.timedelta(int(days[start]))
            yield day, rows.slice(start, end - start)


def _conformed(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    given = set(rows.schema.names)
    columns = [
        rows[field.name].cast(field.type)
        if field.name in given
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
