"""Spark, on this machine or on a cluster, through Ibis.

What crosses between Spark and this process is Arrow, never pandas, which can't tell NaN from a
missing value.
"""

from __future__ import annotations

import functools
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow.parquet as pq
from ibis.backends.sql.compilers.pyspark import NULL, PySparkCompiler
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import TimestampType

from recsys import config
from recsys.engine import duckdb, spark_session
from recsys.errors import BadInput

with warnings.catch_warnings():
    # PySpark warns of newer pandas wherever it meets it, and its first call of Java imports the
    # module that does so.
    warnings.simplefilter("ignore", FutureWarning)
    import pyspark.testing.utils  # noqa: F401
    from ibis.backends.pyspark import Backend


def connect(settings: config.Engine) -> Any:
    """This process's one backend over its one Spark session.

    Raises:
        BadInput: there is no Java that Spark runs on, or no master or worker.
    """
    return _backend(spark_session.start(settings))


@functools.lru_cache(maxsize=1)
def _backend(session: SparkSession) -> Any:
    _Spark.register_options()
    return _Spark().connect(session)


def read_parquet(settings: config.Engine, files: Sequence[Path]) -> ir.Table:
    """One table over Parquet files; columns are united by name, and widened where files differ.

    Raises:
        BadInput: files hold types that Spark doesn't have, or that don't go together.
    """
    backend, session = connect(settings), spark_session.start(settings)
    try:
        frames = [session.read.parquet(*map(str, group)) for group in _alike(files)]
        frame = functools.reduce(_united, frames)
    except PySparkException as error:
        raise BadInput(
            f"{files[0].parent}: Spark can't read these files ({str(error).splitlines()[0]}): "
            "write their columns as types that it has."
        ) from error
    name = ibis.util.gen_name("parquet")
    frame.createOrReplaceTempView(name)
    instants = [field.name for field in frame.schema if isinstance(field.dataType, TimestampType)]
    table: ir.Table = backend.table(name)
    return table.cast(dict.fromkeys(instants, "timestamp('UTC', 6)"))


def write_parquet(settings: config.Engine, expression: ir.Table, path: Path) -> None:
    """Computes a table into one Parquet file, its rows in the expression's order.

    Workers write a file a partition, in order, beside `path`. DuckDB makes them one, so that types
    and statistics in a file don't depend on the engine that computed it.
    """
    with tempfile.TemporaryDirectory(prefix=".staged-", dir=path.parent) as folder:
        parts = Path(folder, "parts")
        connect(settings).to_parquet(expression, parts)
        written = duckdb.read_parquet(settings, sorted(parts.glob("*.parquet")))
        duckdb.write_parquet(settings, written.cast(expression.schema()), path)


def _alike(files: Sequence[Path]) -> list[list[Path]]:
    """The files by their columns: Spark refuses to read files together whose types differ."""
    groups: dict[str, list[Path]] = {}
    for file in files:
        columns = pq.read_schema(file).to_string(show_schema_metadata=False)
        groups.setdefault(columns, []).append(file)
    return list(groups.values())


def _united(above: DataFrame, below: DataFrame) -> DataFrame:
    return above.unionByName(below, allowMissingColumns=True)


class _Compiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis's, but for NaN, which is a value here as it is in DuckDB."""

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return arg.is_(NULL).not_()


class _Spark(Backend):  # type: ignore[misc]
    """Ibis's, but for what crosses between Spark and this process."""

    compiler = _Compiler()

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        table = op.data.to_pyarrow(op.schema)
        self._session.createDataFrame(table).createOrReplaceTempView(op.name)

    def to_pyarrow(self, expr: Any, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        self._run_pre_execute_hooks(expr)
        table = expr.as_table()
        computed = self.raw_sql(self.compile(table, params=params, limit=limit)).toArrow()
        return expr.__pyarrow_result__(computed.cast(table.schema().to_pyarrow()))
