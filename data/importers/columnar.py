"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.importers.source import LINE, TEXT, Batch
from recsys.errors import BadInput

_ROWS_A_BATCH = 2**17


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file."""

    path: Path
    types: Mapping[str, pa.DataType]
    """Its columns; one encoded as a dictionary has the type of its values."""
    is_text: bool = False

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Its rows, of the file's types; the first is line 1."""
        wanted = pa.schema([(name, self.types[name]) for name in columns])
        num_read = 0
        try:
            with pq.ParquetFile(self.path) as file:
                for rows in file.iter_batches(_ROWS_A_BATCH, columns=list(columns)):
                    lines = pa.array(range(num_read + 1, num_read + rows.num_rows + 1), pa.int64())
                    num_read += rows.num_rows
                    numbered = (
                        rows.select(list(columns))
                        .cast(wanted)
                        .append_column(LINE, lines)
                        .append_column(TEXT, pa.nulls(rows.num_rows, pa.string()))
                    )
                    yield Batch(numbered, num_read / file.metadata.num_rows)
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"{self.path} is damaged ({error}): write it anew.") from None


def open_parquet(path: Path) -> ParquetSource:
    """Opens a Parquet file.

    Raises:
        BadInput: it isn't one.
    """
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise BadInput(
            f"{path} is not a Parquet file ({error}): give one, or set import.format to what it is."
        ) from None
    return ParquetSource(path, {field.name: _plain(field.type) for field in schema})


def _plain(found: pa.DataType) -> pa.DataType:
    return found.value_type if pa.types.is_dictionary(found) else found
