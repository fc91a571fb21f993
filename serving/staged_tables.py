"""Daily tables while they are written: rows go to files of their table, day and source, a few
thousand in memory at a time."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.tables import Logged

Place = tuple[Logged, dt.date, str]
"""Table, day and source."""

_ROWS_A_GROUP = 16_384


class StagedTables:
    """Files in a folder that nobody reads."""

    def __init__(self, folder: Path, schemas: Mapping[Logged, pa.Schema]) -> None:
        self._folder = folder
        self._schemas = schemas
        self._rows: dict[Place, list[dict[str, Any]]] = {}
        self._files: dict[Place, tuple[Path, pq.ParquetWriter]] = {}
        self._reached: dict[Place, int] = {}

    def add(self, place: Place, row: dict[str, Any]) -> None:
        """Adds a row."""
        rows = self._rows.setdefault(place, [])
        rows.append(row)
        if len(rows) == _ROWS_A_GROUP:
            self._write(place)

    def reach(self, place: Place, position: int) -> None:
        """Notes how far in its source a place's rows come."""
        self._reached[place] = position

    @contextlib.contextmanager
    def written(self) -> Iterator[None]:
        """Closes the files at the block's end, when all rows are in them."""
        try:
            yield
            for place in self._rows:
                self._write(place)
        finally:
            for _, writer in self._files.values():
                writer.close()

    def files(self) -> Iterator[tuple[Path, Place, int]]:
        """Each file, what it holds, and how far in its source it comes."""
        for place, (path, _) in self._files.items():
            yield path, place, self._reached[place]

    def _write(self, place: Place) -> None:
        schema = self._schemas[place[0]]
        if place not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{len(self._files)}.parquet"
            self._files[place] = path, pq.ParquetWriter(path, schema, compression="zstd")
        rows, self._rows[place] = self._rows[place], []
        if rows:
            self._files[place][1].write_table(pa.Table.from_pylist(rows, schema))
