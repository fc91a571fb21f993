"""Scalar figures of many columns, of a whole table or of each of its slices, in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir

from recsys import config, engine
from recsys.features.statistics.columns import SLICE, keys

Wanted = Mapping[str, Mapping[str, ir.Scalar]]
"""For each column, its figures by their names."""
Figures = dict[str, Any]
"""One column's figures; None where there was no row to compute them from."""
Found = dict[str, dict[str, Figures]]
"""For each slice, the figures of each column."""

WHOLE = ""
"""What a table without slices calls its only one."""

_NUM_ROWS = "num_rows"


def scalars(
    settings: config.Engine, table: ir.Table, wanted: Wanted
) -> tuple[dict[str, int], Found]:
    """The rows of each slice of a table, and figures of its columns.

    Args:
        settings: the engine that the table belongs to.
        table: with or without the column `SLICE`.
        wanted: what to compute; by expressions over the table.
    """
    places = [(column, figure) for column, figures in wanted.items() for figure in figures]
    flat = {f"{number}": wanted[column][figure] for number, (column, figure) in enumerate(places)}
    aggregate = table.aggregate(by=keys(table), **flat, **{_NUM_ROWS: table.count()})
    num_rows: dict[str, int] = {}
    found: Found = {}
    for row in engine.to_arrow(settings, aggregate).to_pylist():
        name = row.get(SLICE, WHOLE)
        num_rows[name] = row[_NUM_ROWS]
        found[name] = {column: {} for column in wanted}
        for number, (column, figure) in enumerate(places):
            found[name][column][figure] = row[f"{number}"]
    return num_rows, found


def merged(found: Found, more: Found) -> Found:
    """Figures of the same slices put together; the latter count where both have one."""
    return {
        name: {
            column: found[name].get(column, {}) | columns.get(column, {})
            for column in found[name] | columns
        }
        for name, columns in more.items()
    }
