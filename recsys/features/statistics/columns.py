"""What a column is to statistics, whatever engine and type it comes from.

| column                  | kind   | feature's type | figures are of                         |
|-------------------------|--------|----------------|----------------------------------------|
| integer, boolean        | number | `INT`          | values; false is 0                     |
| time, day               | number | `INT`          | seconds since 1970, UTC                |
| floating point, decimal | number | `FLOAT`        | finite values; NaN, infinity counted   |
| string, anything else   | text   | `STRING`       | values as text                         |
| list                    | list   | its values'    | all values of all lists; their lengths |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir
from tensorflow_metadata.proto.v0 import statistics_pb2

Kind = Literal["number", "text", "list"]

SLICE = "[slice]"
"""Column that says which slice a row belongs to; a table without it is one whole."""


def kind(dtype: dtypes.DataType) -> Kind:
    """Which figures a column of this type has."""
    if dtype.is_array():
        return "list"
    is_number = dtype.is_numeric() or dtype.is_boolean()
    return "number" if is_number or dtype.is_timestamp() or dtype.is_date() else "text"


def feature_type(dtype: dtypes.DataType) -> int:
    """`FeatureNameStatistics.Type` of a column."""
    types = statistics_pb2.FeatureNameStatistics
    inner = dtype.value_type if dtype.is_array() else dtype
    if kind(inner) != "number":
        found: int = types.STRING
    else:
        found = types.FLOAT if inner.is_floating() or inner.is_decimal() else types.INT
    return found


def named(table: ir.Table, of: Kind) -> Iterator[tuple[str, ir.Column]]:
    """The columns of one kind, by their names."""
    for name in table.columns:
        if name != SLICE and kind(table[name].type()) == of:
            yield name, table[name]


def finite(column: ir.Column) -> ir.FloatingColumn:
    """A number's finite values as doubles, null elsewhere.

    Only what is finite leaves nothing when it is taken from itself. To ask for NaN won't do: DuckDB
    believes the least and greatest value that a Parquet file names, and writers leave NaN out.
    """
    dtype = column.type()
    if dtype.is_timestamp():
        return column.epoch_seconds().cast("float64").floor()
    if dtype.is_date():
        return column.cast("timestamp").epoch_seconds().cast("float64")
    number = column.cast("float64")
    if not dtype.is_floating():
        return number
    return ibis.ifelse(column - column == 0, number, ibis.null("float64"))


def text(column: ir.Column) -> ir.StringColumn:
    """Anything's text."""
    return column if column.type().is_string() else column.cast("string")


def keys(table: ir.Table) -> list[str]:
    """What a table's figures are grouped by: its slices, if it has them."""
    return [SLICE] if SLICE in table.columns else []
