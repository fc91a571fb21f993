"""Files of text with one line a row: CSV here, RecBole's atomic files in `recbole`."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from data.importers.source import LINE, TEXT, Batch
from recsys.errors import BadInput

_BLOCK_BYTES = 8 * 2**20


@dataclass(frozen=True)
class DelimitedSource:
    """A file of text whose first line names its columns."""

    path: Path
    types: Mapping[str, pa.DataType]
    """Its columns, in the file's order, and what it says of their types."""
    delimiter: str
    is_quoted: bool
    """Whether a field may stand in double quotes, and then hold delimiters and line breaks. A
    field with line breaks counts as one line."""
    is_text: bool = True

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Its rows as text, "" as null; rows with a wrong number of fields have only `_text`."""
        misfits: list[Any] = []
        num_bytes = self.path.stat().st_size
        first = 2  # the header is line 1
        try:
            with pa.OSFile(str(self.path)) as file:
                for rows in self._reader(file, columns, misfits):
                    lines = _lines(first, rows.num_rows, [row.number for row in misfits])
                    first = int(lines[-1]) + 1
                    share_read = file.tell() / num_bytes
                    yield Batch(_numbered(rows, lines), share_read)
                    passed = [row for row in misfits if row.number < first]
                    if passed:
                        yield Batch(_set_apart(passed, columns), share_read)
                        misfits[:] = misfits[len(passed) :]
        except pa.ArrowInvalid as error:
            raise BadInput(self._complaint(str(error))) from None
        if misfits:
            yield Batch(_set_apart(misfits, columns), 1.0)

    def _reader(
        self, file: pa.NativeFile, columns: Sequence[str], misfits: list[Any]
    ) -> pyarrow.csv.CSVStreamingReader:
        def set_aside(row: Any) -> str:
            misfits.append(row)
            return "skip"

        return pyarrow.csv.open_csv(
            file,
            # One thread: only then does Arrow number the rows that it skips.
            pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK_BYTES,
                column_names=list(self.types),
                skip_rows=1,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=self.delimiter,
                quote_char='"' if self.is_quoted else False,
                newlines_in_values=self.is_quoted,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=list(columns),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )

    def _complaint(self, error: str) -> str:
        if "UTF8" in error:
            return (
                f"{self.path} is not UTF-8 ({error}): convert it, for example with "
                f"`iconv -f latin1 -t utf-8`."
            )
        return (
            f"{self.path} can't be read as text with one row a line ({error}): look for a quote "
            "that isn't closed, or set import.format to what the file is."
        )


def open_csv(path: Path, delimiter: str) -> DelimitedSource:
    """Opens a CSV file with a header.

    Raises:
        BadInput: it is empty, isn't UTF-8, or names a column twice.
    """
    names = next(csv.reader([header(path)], delimiter=delimiter))
    return DelimitedSource(path, by_name(path, names, [pa.string()] * len(names)), delimiter, True)


def header(path: Path) -> str:
    """The first line of a file of text, without its end.

    Raises:
        BadInput: it is empty, isn't UTF-8, or has nothing more.
    """
    with path.open("rb") as file:
        first, more = file.readline(), file.read(1)
    try:
        line = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path} is not UTF-8 (byte {error.start} of its header): convert it, for example "
            "with `iconv -f latin1 -t utf-8`; or set import.format, if it isn't text at all."
        ) from None
    if not line.strip():
        raise BadInput(f"{path} is empty, expected a header that names its columns: fill it.")
    if not more:
        raise BadInput(f"{path} has columns but no rows: give a file that has some.")
    return line


def by_name(
    path: Path, names: Sequence[str], types: Sequence[pa.DataType]
) -> dict[str, pa.DataType]:
    """Types by column.

    Raises:
        BadInput: two columns have one name.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"{path} names the column {twice[0]!r} twice: rename one of them.")
    return dict(zip(names, types, strict=True))


def _lines(first: int, num: int, skipped: Sequence[int]) -> NDArray[np.int64]:
    """The lines of `num` rows from line `first` on, where some lines were skipped."""
    lines = np.arange(first, first + num + len(skipped))
    return np.setdiff1d(lines, skipped, assume_unique=True)[:num]


def _numbered(rows: pa.RecordBatch, lines: NDArray[np.int64]) -> pa.RecordBatch:
    return rows.append_column(LINE, pa.array(lines)).append_column(
        TEXT, pa.nulls(rows.num_rows, pa.string())
    )


def _set_apart(misfits: Sequence[Any], columns: Sequence[str]) -> pa.RecordBatch:
    """Rows with a wrong number of fields: a line and its text, and null for all columns."""
    return pa.RecordBatch.from_pydict(
        {name: pa.nulls(len(misfits), pa.string()) for name in columns}
        | {
            LINE: pa.array([row.number for row in misfits], pa.int64()),
            TEXT: pa.array([row.text for row in misfits], pa.string()),
        }
    )
