"""DuckDB, inside this process."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler

from recsys import config


@functools.cache
def connect(settings: config.Engine) -> Any:
    """This process's one connection with these settings."""
    backend = ibis.duckdb.connect(
        threads=settings.num_threads,
        memory_limit=f"{settings.memory_limit_mib}MiB",
        temp_directory=f"{tempfile.gettempdir()}/recsys-duckdb",
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
    )
    backend.compiler = _Compiler()
    return backend


def read_parquet(settings: config.Engine, files: Sequence[Path]) -> ir.Table:
    """One table over Parquet files, their rows in order; columns are united by name."""
    table: ir.Table = connect(settings).read_parquet(
        list(files), union_by_name=True, hive_partitioning=False
    )
    return table


def write_parquet(settings: config.Engine, expression: ir.Table, path: Path) -> None:
    """Computes a table into one Parquet file, its rows in the expression's order."""
    connect(settings).to_parquet(expression, path, compression="zstd")


class _Compiler(DuckDBCompiler):  # type: ignore[misc]
    """Ibis's, but that a time's seconds are read from the time as it is: Ibis takes its zone away
    first, which DuckDB needs five times as long for, and which leaves UTC as it is."""

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return self.f.epoch(arg)
