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

from typing import Literal

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir
from tensorflow_metadata.proto.v0 import statistics_pb2

Kind = Literal["number", "text", "list"]

SLICE = "[slice]"
"""Column that says which slice a row belongs to; a table without it is one whole."""
WHOLE = ""
"""What a whole table is called where slices go by their names."""


def kind(dtype: dtypes.DataType) -> Kind:
    """Which figures a column of this type has."""
    if dtype.is_array():
        return "list"
    is_number = dtype.is_numeric() or is_whole(dtype)
    return "number" if is_number else "text"


def is_whole(dtype: dtypes.DataType) -> bool:
    """Whether its numbers are whole ones."""
    is_time = dtype.is_timestamp() or dtype.is_date()
    return bool(dtype.is_integer() or dtype.is_boolean() or is_time)


def feature_type(dtype: dtypes.DataType) -> int:
    """`FeatureNameStatistics.Type` of a column."""
    types = statistics_pb2.FeatureNameStatistics
    inner = dtype.value_type if dtype.is_array() else dtype
    if kind(inner) != "number":
        found: int = types.STRING
    else:
        found = types.INT if is_whole(inner) else types.FLOAT
    return found


def named(table: ir.Table, of: Kind) -> dict[str, ir.Column]:
    """The columns of one kind, by their names."""
    columns = (name for name in table.columns if name != SLICE)
    return {name: table[name] for name in columns if kind(table[name].type()) == of}


def keys(table: ir.Table) -> list[str]:
    """What a table's figures are grouped by: its slices, if it has them."""
    return [SLICE] if SLICE in table.columns else []


def whole_numbers(column: ir.Column) -> ir.IntegerColumn:
    """A column of integers, truth values, times or days as integers of 64 bits."""
    return (_seconds(column) if _is_time(column) else column).cast("int64")


def as_double(column: ir.Column) -> ir.FloatingColumn:
    """A number as it is, finite or not."""
    return _seconds(column) if _is_time(column) else column.cast("float64")


def finite(column: ir.Column) -> ir.FloatingColumn:
    """A number's finite values as doubles, null elsewhere.

    Only what is finite leaves nothing when it is taken from itself. To ask for NaN won't do: DuckDB
    believes the least and greatest value that a Parquet file names, and writers leave NaN out.
    """
    number = as_double(column)
    if not column.type().is_floating():
        return number
    return ibis.ifelse(column - column == 0, number, ibis.null("float64"))


def _is_time(column: ir.Column) -> bool:
    return bool(column.type().is_timestamp() or column.type().is_date())


def _seconds(column: ir.Column) -> ir.FloatingColumn:
    """Rounded down, since not every engine gives whole seconds."""
    time = column.cast("timestamp") if column.type().is_date() else column
    return time.epoch_seconds().cast("float64").floor().cast("float64")


def text(column: ir.Column) -> ir.StringColumn:
    """Anything's text."""
    return column if column.type().is_string() else column.cast("string")
