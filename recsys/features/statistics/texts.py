"""Figures of text: lengths and distinct values in a first pass, then the most frequent values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir

from recsys import config, engine
from recsys.features.statistics.columns import SLICE, keys, text
from recsys.features.statistics.query import WHOLE, Figures

NUM_TOP_VALUES = 20
"""Most frequent values listed as such."""
NUM_RANKED_VALUES = 1_000
"""Most frequent values whose counts are listed; all of a column's, where it has no more."""

MIN_LENGTH = "min_length"
"""Name of the custom figure that says how long the shortest value is, in characters."""
MAX_LENGTH = "max_length"
"""Name of the custom figure that says how long the longest value is, in characters."""


@dataclass
class Ranked:
    """A column's most frequent values."""

    unique: int = 0
    """Distinct values among those that were counted."""
    counts: dict[str, int] = field(default_factory=dict)
    """The most frequent first; those of one count in their order."""


def scalars(column: ir.Column) -> dict[str, ir.Scalar]:
    """Figures of the first pass."""
    lengths = text(column).length()
    return {
        "num_non_missing": column.count(),
        "unique": text(column).approx_nunique(),
        "avg_length": lengths.mean(),
        "min_length": lengths.min(),
        "max_length": lengths.max(),
    }


def ranked(
    settings: config.Engine,
    table: ir.Table,
    columns: Sequence[str],
    sought: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, Ranked]]:
    """For each slice and column, its most frequent values; in one query over all of them.

    Args:
        settings: the engine that the table belongs to.
        table: with or without the column `SLICE`.
        columns: whose values to count.
        sought: values to count, where a column has too many to count each.
    """
    found: dict[str, dict[str, Ranked]] = {}
    counts = [_ranked(table, column, sought.get(column)) for column in columns]
    if counts:
        rows = engine.to_arrow(settings, ibis.union(*counts).order_by("column", "place"))
        for row in rows.to_pylist():
            of_slice = found.setdefault(row.get(SLICE, WHOLE), {})
            of_column = of_slice.setdefault(row["column"], Ranked(row["unique"]))
            of_column.counts[row["value"]] = row["num"]
    return found


def most_frequent(settings: config.Engine, table: ir.Table, column: str) -> list[str]:
    """The most frequent values of a table that is small enough to count each of them."""
    return list(ranked(settings, table, [column], {})[WHOLE][column].counts)


def _ranked(table: ir.Table, column: str, sought: Sequence[str] | None) -> ir.Table:
    values = table.select(*keys(table), value=text(table[column]))
    is_counted = values.value.notnull() if sought is None else values.value.isin(sought)
    counts = values.filter(is_counted).group_by(*keys(table), "value").agg(num=ibis._.count())
    by = keys(table) or None
    ranks = counts.mutate(
        column=ibis.literal(column),
        place=ibis.row_number().over(group_by=by, order_by=[ibis.desc("num"), "value"]),
        unique=counts.count().over(group_by=by),
    )
    return ranks.filter(ranks.place < NUM_RANKED_VALUES)


def describe(feature: Any, figures: Figures, ranks: Ranked, is_counted: bool) -> None:
    """Fills in a feature's `StringStatistics`, all but what is common, and custom figures."""
    stats = feature.string_stats
    stats.SetInParent()  # a column without values has string statistics too
    if not figures.get("num_non_missing"):
        return
    stats.unique = ranks.unique if is_counted else figures["unique"]
    stats.avg_length = figures["avg_length"]
    feature.custom_stats.add(name=MIN_LENGTH, num=figures["min_length"])
    feature.custom_stats.add(name=MAX_LENGTH, num=figures["max_length"])
    for place, (value, num) in enumerate(ranks.counts.items()):
        if place < NUM_TOP_VALUES:
            stats.top_values.add(value=value, frequency=num)
        stats.rank_histogram.buckets.add(
            low_rank=place, high_rank=place, label=value, sample_count=num
        )
