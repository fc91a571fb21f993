"""Slices: the rows of a table by the value of an SQL expression over its columns.

The expression is of DuckDB's SQL, whichever engine computes it. A Boolean one gives the slices
`true` and `false`; rows for which it is null are in none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot
import sqlglot.expressions as sql

from recsys import config, engine
from recsys.errors import BadInput
from recsys.features.statistics.columns import SLICE

MAX_SLICES = 20
"""Most frequent values of an expression that become slices."""

_ROWS = "rows_to_slice"
_NO_PART_OF_A_ROW = (sql.Query, sql.AggFunc, sql.Window, sql.Star)


def sliced(
    settings: config.Engine, tables: Mapping[str, ir.Table], slices: Mapping[str, str]
) -> Iterator[tuple[str, str, ir.Table]]:
    """For each expression and each table that it fits: its name, the table's name, and the rows
    that are in a slice, with the column `SLICE`.

    Raises:
        BadInput: an expression is none, or fits no table.
    """
    for name, text in slices.items():
        expression = _parsed(name, text)
        columns = {column.name for column in expression.find_all(sql.Column)}
        fitting = [table for table, rows in tables.items() if columns <= set(rows.columns)]
        if not fitting or not columns:
            raise BadInput(
                f"statistics.slices.{name} = {text!r}, expected an expression over columns of "
                f"{' or of '.join(tables)}: {_unknown(columns, tables)}."
            )
        for table in fitting:
            try:
                rows = _most_frequent(settings, tables[table], expression)
            except Exception as error:  # engines share no class of errors
                reason = str(error).strip().splitlines()[0].rstrip(".")
                raise BadInput(
                    f"statistics.slices.{name} = {text!r} can't be computed over {table}: {reason}."
                ) from error
            yield name, table, rows


def _parsed(name: str, text: str) -> sql.Condition:
    expression: sql.Expr | None = None
    with contextlib.suppress(sqlglot.ParseError):
        expression = sqlglot.parse_one(text, dialect="duckdb")
    if not isinstance(expression, sql.Condition) or expression.find(*_NO_PART_OF_A_ROW):
        raise BadInput(
            f"statistics.slices.{name} = {text!r}, expected an SQL expression over the columns of "
            'one row, such as "price > 0".'
        )
    return expression


def _unknown(columns: set[str], tables: Mapping[str, ir.Table]) -> str:
    if not columns:
        return "it names none"
    known = {column for table in tables.values() for column in table.columns}
    unknown = sorted(columns - known)
    return f"there is no {', '.join(unknown)}" if unknown else "no table has all that it names"


def _most_frequent(settings: config.Engine, table: ir.Table, expression: sql.Condition) -> ir.Table:
    rows = _with_slice(settings, table, expression)
    counts = rows.group_by(SLICE).agg(num=rows.count()).filter(ibis._[SLICE].notnull())
    largest = counts.order_by(ibis.desc("num"), SLICE).limit(MAX_SLICES)
    return rows.filter(rows[SLICE].isin(engine.to_arrow(settings, largest)[SLICE].to_pylist()))


def _with_slice(settings: config.Engine, table: ir.Table, expression: sql.Condition) -> ir.Table:
    """The table and the expression's text. Ibis's own `Table.sql` asks DuckDB 2 for the result's
    columns by a method that is gone; here they are known."""
    value = sql.alias_(sql.cast(expression, "text"), SLICE, quoted=True)
    query = sqlglot.select("*", value).from_(_ROWS)
    schema = ibis.schema({**table.schema(), SLICE: "string"})
    dialect = engine.connect(settings).dialect
    view = ops.SQLStringView(table.alias(_ROWS).op(), query.sql(dialect=dialect), schema)
    return view.to_expr()
