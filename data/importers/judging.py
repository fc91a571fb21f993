"""Takes one file through reading and checking, and sets its bad rows aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
from rich.progress import Progress

from data.importers import checks, reading, rejects
from data.importers.columns import Column
from data.importers.files import File
from data.importers.scratch import Scratch
from recsys.config import Import


@dataclass(frozen=True)
class Judged:
    """A file that was read, its rows parsed and judged."""

    columns: Sequence[Column]
    rows: ir.Table
    """What `checks.judged` made of it."""
    num_rows: int
    """Rows of the file."""
    num_below_min_value: int
    """Interactions that were left out as asked."""
    num_bad: Mapping[str, int]
    """Rows that were set aside, by reason."""

    @property
    def num_kept(self) -> int:
        """Rows that were taken."""
        return self.num_rows - self.num_below_min_value - sum(self.num_bad.values())

    @property
    def types(self) -> dict[str, pa.DataType]:
        """Types of the columns by name."""
        return {column.name: column.type for column in self.columns}


def judge(
    file: File, settings: Import, scratch: Scratch, rejected: Path, progress: Progress
) -> Judged:
    """Reads a file, judges its rows, and writes the bad ones to `<rejected>/<kind>.csv`.

    Raises:
        BadInput: the file breaks its format, has no rows, or too many bad ones.
    """
    name = file.kind.name
    raw, judged, bad = f"{name}-raw", f"{name}-judged", f"{name}-bad"
    task = progress.add_task(f"read {name}", total=1.0)
    reading.read(
        file.source,
        file.columns,
        scratch.path(raw),
        lambda share_read: progress.update(task, completed=share_read),
    )
    task = progress.add_task(f"check {name}", total=None)
    rows = scratch.compute(
        judged, checks.judged(scratch.table(raw), file.kind, file.columns, settings)
    )
    num_bad = rejects.count(scratch.engine, rows)
    if num_bad:
        scratch.compute(bad, rejects.in_order(rows, scratch.table(raw)))
        out = rejected / f"{name}.csv"
        rejects.write(scratch.batches(bad), file.columns, out)
        rejects.refuse_too_many(file, scratch.num_rows(raw), num_bad, settings.max_bad_share, out)
    progress.update(task, total=1.0, completed=1.0)
    return Judged(
        file.columns,
        rows,
        num_rows=scratch.num_rows(raw),
        num_below_min_value=scratch.num_rows(raw) - scratch.num_rows(judged),
        num_bad=num_bad,
    )
