"""Where tables are computed: DuckDB, embedded, through Ibis.

Everything else writes Ibis expressions over the tables that `read_days` and `read_parquet` return,
and nothing else knows which engine runs them.
"""

from __future__ import annotations

import datetime as dt
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir
import pyarrow as pa

from recsys import config, tables
from recsys.errors import BadInput
from recsys.tables import Table
from recsys.workspace import Workspace


@functools.cache
def connect(engine: config.Engine) -> Any:
    """This process's one connection to the engine that the configuration describes.

    It never loads anything over the network, and reads times in UTC.
    """
    return ibis.duckdb.connect(
        threads=engine.num_threads,
        memory_limit=f"{engine.memory_limit_mib}MiB",
        temp_directory=f"{tempfile.gettempdir()}/recsys-duckdb",
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
    )


def read_parquet(engine: config.Engine, files: Sequence[Path]) -> ir.Table:
    """One table over Parquet files; a column that some files lack is null there."""
    table: ir.Table = connect(engine).read_parquet(
        sorted(files), union_by_name=True, hive_partitioning=False
    )
    return table


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
    connect(engine).to_parquet(expression, path, compression="zstd")


def to_arrow(engine: config.Engine, expression: ir.Table) -> pa.Table:
    """Computes a table into memory."""
    return connect(engine).to_pyarrow(expression)


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
