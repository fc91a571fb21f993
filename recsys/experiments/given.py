"""Tables of experiments in Parquet files that a person names, or that a simulation left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from recsys import config, engine
from recsys.errors import BadInput
from recsys.experiments.stored import DailyTable


def table(settings: config.Engine, path: Path, schema: pa.Schema) -> ir.Table:
    """All rows of a file, of a folder of files, or of a folder of days; the columns of `schema`
    come in its types, others as they are.

    Raises:
        BadInput: there is no file, a column that must not be null is missing, or one is of another
            kind.
    """
    files = [path] if path.is_file() else sorted(path.glob("**/*.parquet"))
    if not files:
        raise BadInput(
            f"{path} holds no Parquet file, expected one, or folders day=YYYY-MM-DD of them: name "
            "another place."
        )
    rows = engine.read_parquet(settings, files)
    declared = ibis.Schema.from_pyarrow(schema)
    needed = [name for name, kind in declared.items() if not kind.nullable]
    if missing := [name for name in needed if name not in rows.columns]:
        raise BadInput(
            f"{path} has the columns {', '.join(rows.columns)}, expected {', '.join(needed)} too: "
            f"add {', '.join(missing)}."
        )
    types = {name: kind.copy(nullable=True) for name, kind in declared.items() if name in rows}
    for name, kind in types.items():
        if not rows[name].type().castable(kind):
            raise BadInput(
                f"{path}: column {name!r} is {rows[name].type()}, expected {kind}: write it so."
            )
    return rows.cast(types)


def days(settings: config.Engine, path: Path, rows: ir.Table) -> Sequence[dt.date]:
    """The days that a table of outcomes covers, in order: those of its folders, else those on which
    anybody did anything."""
    if path.is_dir() and (found := DailyTable(path).days()):
        return found
    seen = engine.to_arrow(settings, rows.select("day").distinct().order_by("day"))
    return [day for day in seen["day"].to_pylist() if day]
