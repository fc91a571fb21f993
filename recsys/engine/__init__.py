"""Where tables are computed: DuckDB, embedded, or Spark where one machine is too small.

Everything else writes Ibis expressions over the tables that `read_days` and `read_parquet` return,
and nothing else knows which engine runs them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir
import pyarrow as pa

from recsys import config, tables
from recsys.engine.contract import Engine
from recsys.errors import BadInput
from recsys.tables import Table
from recsys.workspace import Workspace


def connect(engine: config.Engine) -> Any:
    """This process's one connection to the engine that the configuration describes.

    It never loads anything over the network, and reads times in UTC.

    Raises:
        BadInput: the engine can't be had here; says what to install or to start.
    """
    return _engine(engine).connect(engine)


def read_parquet(engine: config.Engine, files: Sequence[Path]) -> ir.Table:
    """One table over Parquet files; a column that some files lack is null there."""
    return _engine(engine).read_parquet(engine, sorted(files))


def read_days(workspace: Workspace, table: Table, days: Sequence[dt.date]) -> ir.Table:
    """A table of the logs over some days; one without rows where no day has a file.

    The columns that every row must have come in the types of `recsys.tables`; others, as they are.

    Raises:
        BadInput: a column that every row must have is missing, or of another type than
            `recsys.tables` says.
    """
    files = [file for day in days for file in workspace.files(table, day)]
    if not files:
        return ibis.memtable(tables.SCHEMAS[table].empty_table())
    read = read_parquet(workspace.config.engine, files)
    return read.cast(_key_types(read.schema(), table, files[0].parent))


def write_parquet(engine: config.Engine, expression: ir.Table, path: Path) -> None:
    """Computes a table into one Parquet file, its rows in the expression's order."""
    _engine(engine).write_parquet(engine, expression, path)


def to_arrow(engine: config.Engine, expression: ir.Table) -> pa.Table:
    """Computes a table into memory, in the expression's own types."""
    return connect(engine).to_pyarrow(expression)


def _engine(settings: config.Engine) -> Engine:
    match settings.kind:
        case "duckdb":
            from recsys.engine import duckdb

            return duckdb
        case "spark":
            return _spark()


def _spark() -> Engine:
    try:
        from recsys.engine import spark
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pyspark":
            raise
        raise BadInput(
            'engine.kind = "spark" needs PySpark, found none: install it with '
            "`pip install 'recsys[spark]'`, or set engine.kind to \"duckdb\"."
        ) from None
    return spark


def _key_types(found: ibis.Schema, table: Table, folder: Path) -> dict[str, dtypes.DataType]:
    """The types of the columns that every row must have, checked against what was found."""
    declared = ibis.Schema.from_pyarrow(tables.SCHEMAS[table])
    types = {n: dtype.copy(nullable=True) for n, dtype in declared.items() if not dtype.nullable}
    for name, expected in types.items():
        actual = found.get(name)
        if actual is None or _kind(actual) != _kind(expected):
            raise BadInput(
                f"{folder}: column {name!r} is {actual or 'missing'}, expected {expected}: mend "
                "the log, or map its columns with `recsys data import`."
            )
    return types


def _kind(dtype: dtypes.DataType) -> object:
    """What must agree: integers of any width are one kind, and so are times of any zone."""
    return "integer" if dtype.is_integer() else type(dtype)
