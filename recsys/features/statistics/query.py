"""Scalar figures of many columns, of a whole table or of each of its slices, by one query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir

from recsys import config, engine
from recsys.features.statistics.columns import SLICE, WHOLE, keys

Wanted = Mapping[str, Mapping[str, ir.Scalar]]
"""For each column, its figures by their names."""
Figures = dict[str, Any]
"""One column's figures; None where there was no row to compute them from."""
Found = dict[str, dict[str, Figures]]
"""For each slice, the figures of each column."""


def scalars(settings: config.Engine, table: ir.Table, wanted: Wanted) -> Found:
    """Figures of columns, for each slice of a table.

    Args:
        settings: the engine that the table belongs to.
        table: with or without the column `SLICE`.
        wanted: what to compute; by expressions over the table.
    """
    places = [(column, figure) for column, figures in wanted.items() for figure in figures]
    flat = {f"{number}": wanted[column][figure] for number, (column, figure) in enumerate(places)}
    found: Found = {}
    if flat:
        rows = engine.to_arrow(settings, table.aggregate(by=keys(table), **flat)).to_pylist()
        for row in rows:
            of_slice = found.setdefault(row.get(SLICE, WHOLE), {column: {} for column in wanted})
            for number, (column, figure) in enumerate(places):
                of_slice[column][figure] = row[f"{number}"]
    return found


def num_rows(settings: config.Engine, table: ir.Table) -> dict[str, int]:
    """The rows of each slice of a table."""
    found = scalars(settings, table, {"": {"num_rows": table.count()}})
    return {name: columns[""]["num_rows"] for name, columns in found.items()}


def merged(*found: Found) -> Found:
    """Figures put together, slice by slice and column by column; the latter count."""
    whole: Found = {}
    for each in found:
        for name, columns in each.items():
            for column, figures in columns.items():
                whole.setdefault(name, {}).setdefault(column, {}).update(figures)
    return whole
