"""Everything that the engine finds in one table, or in each of its slices.

Numbers and text of few values are counted; for the rest there is one pass over all rows.
Nothing but figures and counts leaves the engine, so that a table may be much larger than memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir

from recsys import config
from recsys.features.statistics import lists, numbers, query, sampling, texts
from recsys.features.statistics.columns import SLICE, WHOLE, named, text, whole_numbers
from recsys.features.statistics.counts import Counted, Counts, counted, together
from recsys.features.statistics.plan import Plan
from recsys.features.statistics.query import Figures, Found


@dataclass(frozen=True)
class Part:
    """A table, or one slice of it."""

    num_rows: int
    figures: Mapping[str, Figures]
    """Of numbers and text, by column."""
    counts: Mapping[str, Counts]
    """How often values occur, by column: those of text, or of it those that are sought; whole
    numbers of a small range; how many values lists have."""
    of_values: Mapping[str, Part]
    """What the values of all lists are like, by column."""


NOTHING = Part(0, {}, {}, {})
"""A slice without rows."""


def examine(settings: config.Engine, table: ir.Table, plan: Plan) -> dict[str, Part]:
    """Each slice of a table by its name, or the whole by `WHOLE`.

    Args:
        settings: the engine that the table belongs to.
        table: with or without the column `SLICE`.
        plan: of the whole table.
    """
    return _examined(settings, table, plan, query.num_rows(settings, table))


def _examined(
    settings: config.Engine, table: ir.Table, plan: Plan, num_rows: Mapping[str, int]
) -> dict[str, Part]:
    counts = together(_count_few(settings, table, plan), _count_texts(settings, table, plan))
    scanned = _scan(settings, table, plan, num_rows)
    figures = query.merged(scanned, {name: _of_counts(of, plan) for name, of in counts.items()})
    of_values = {}
    for column in named(table, "list"):
        nums = {name: lists.num_values(of[column]) for name, of in counts.items()}
        values = lists.values(table, column)
        of_values[column] = _examined(settings, values, plan.of_values[column], nums)
    return {
        name: Part(
            num,
            figures.get(name, {}),
            counts.get(name, {}),
            {column: parts.get(name, NOTHING) for column, parts in of_values.items()},
        )
        for name, num in num_rows.items()
    }


def _count_few(settings: config.Engine, table: ir.Table, plan: Plan) -> Counted:
    """Counts of whole numbers of a small range, and of how many values lists have."""
    wanted = {name: whole_numbers(table[name]) for name in plan.few}
    wanted |= {name: lists.length(column) for name, column in named(table, "list").items()}
    return counted(settings, table, wanted)


def _count_texts(settings: config.Engine, table: ir.Table, plan: Plan) -> Counted:
    """Counts of all values of text, or of those that are sought."""
    columns = {name: text(column) for name, column in named(table, "text").items()}
    few = {name: column for name, column in columns.items() if name not in plan.sought}
    found = [counted(settings, table, few)]
    for name, values in plan.sought.items():
        if values:
            rows = table.filter(columns[name].isin(values))
            found.append(counted(settings, rows, {name: text(rows[name])}))
    return together(*found)


def _scan(
    settings: config.Engine, table: ir.Table, plan: Plan, num_rows: Mapping[str, int]
) -> Found:
    """Figures of numbers and text that have too many values to count each."""
    rows = sampling.marked(table, num_rows)
    columns = {name: rows[name] for name in plan.edges if name not in plan.few}
    wanted = {
        name: numbers.scalars(column, plan.edges[name], rows[sampling.DRAWN])
        for name, column in columns.items()
    }
    extremes = {WHOLE: dict(plan.extremes)}
    if SLICE in table.columns:
        each = {name: numbers.extremes(column) for name, column in columns.items()}
        extremes = query.scalars(settings, rows, each)
    return query.merged(
        extremes,
        query.scalars(settings, rows, wanted),
        query.scalars(settings, table, {name: texts.scalars(table[name]) for name in plan.sought}),
    )


def _of_counts(counts: Mapping[str, Counts], plan: Plan) -> dict[str, Figures]:
    """Figures of what was counted whole."""
    figures = {name: numbers.of_counts(counts[name], plan.edges[name]) for name in plan.few}
    whole = counts.keys() - plan.few - plan.sought.keys() - plan.of_values.keys()
    return figures | {name: texts.of_counts(counts[name]) for name in whole}
