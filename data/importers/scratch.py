"""Tables on the way: computed by the engine into files, so that they may be bigger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from recsys import engine
from recsys.config import Engine

_ROWS_A_BATCH = 2**17


@dataclass(frozen=True)
class Scratch:
    """A folder of tables by name."""

    engine: Engine
    folder: Path

    def path(self, name: str) -> Path:
        """The file of a table."""
        return self.folder / f"{name}.parquet"

    def compute(self, name: str, table: ir.Table) -> ir.Table:
        """Computes a table into its file, rows in order, and returns what is there."""
        engine.write_parquet(self.engine, table, self.path(name))
        return self.table(name)

    def table(self, name: str) -> ir.Table:
        """The table of that name."""
        return engine.read_parquet(self.engine, [self.path(name)])

    def num_rows(self, name: str) -> int:
        """How many rows the table of that name has."""
        num: int = pq.read_metadata(self.path(name)).num_rows
        return num

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of that table in order; the same batches each time."""
        with pq.ParquetFile(self.path(name)) as file:
            yield from file.iter_batches(_ROWS_A_BATCH)
