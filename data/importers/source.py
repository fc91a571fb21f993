"""What every format of file gives: its columns, and its rows in batches, each with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

LINE = "_line"
"""Column of the line a row begins on: a header is line 1, rows of Parquet begin at 1."""
TEXT = "_text"
"""Column of a line's own text, where it has the wrong number of fields; else null."""


class Batch(NamedTuple):
    """Some rows of a file."""

    rows: pa.RecordBatch
    """`_line`, `_text` and the columns asked for, under the file's names."""
    share_read: float
    """Share of the file that was read by now."""


class Source(Protocol):
    """A file that was opened and found to have columns."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """Its columns, and what it says of their types."""

    @property
    def is_text(self) -> bool:
        """Whether values come as text, whatever `types` says of them."""

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Its rows, a few at a time.

        Raises:
            BadInput: the file breaks its format, or isn't UTF-8.
        """
