"""Reads a file of any format into scratch, whole but for the columns that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.importers.columns import Column
from data.importers.source import LINE, TEXT, Source
from recsys.errors import BadInput


def read(
    source: Source, columns: Sequence[Column], out: Path, track: Callable[[float], None]
) -> None:
    """Writes a source's rows to one Parquet file, values as they come, columns under our names.

    Args:
        source: the file.
        columns: those to read.
        out: the file to write.
        track: told the share of the file that was read.

    Raises:
        BadInput: the file has no rows, breaks its format, or isn't UTF-8.
    """
    wanted = list(dict.fromkeys(column.source for column in columns))
    writer: pq.ParquetWriter | None = None
    try:
        for rows, share_read in source.batches(wanted):
            named = pa.RecordBatch.from_arrays(
                [rows[LINE], rows[TEXT], *(rows[column.source] for column in columns)],
                [LINE, TEXT, *(column.name for column in columns)],
            )
            # Arrow's statistics leave NaN out, and DuckDB takes them at their word: with them,
            # isnan() is false everywhere.
            writer = writer or pq.ParquetWriter(out, named.schema, write_statistics=False)
            writer.write_batch(named)
            track(share_read)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise BadInput(f"{source.path} has columns but no rows: give a file that has some.")
