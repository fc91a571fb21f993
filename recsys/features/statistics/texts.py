"""Figures of text. What has few values is counted, and all figures follow from the counts; what has
many is measured by a pass over all rows, and only values that a sample shows are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow.compute as pc

from recsys import config, engine
from recsys.features.statistics import sampling
from recsys.features.statistics.columns import named, text
from recsys.features.statistics.counts import Counts
from recsys.features.statistics.query import Figures

NUM_TOP_VALUES = 20
"""Most frequent values listed as such."""
NUM_RANKED_VALUES = 1_000
"""Most frequent values whose counts are listed; all of a column's, where it has no more."""

MIN_LENGTH = "min_length"
"""Name of the custom figure that says how long the shortest value is, in characters."""
MAX_LENGTH = "max_length"
"""Name of the custom figure that says how long the longest value is, in characters."""


def scalars(column: ir.Column) -> dict[str, ir.Scalar]:
    """All figures of what has too many values to count each."""
    lengths = text(column).length()
    return {
        "num_non_missing": column.count(),
        "avg_length": lengths.mean(),
        "min_length": lengths.min(),
        "max_length": lengths.max(),
        "unique": text(column).approx_nunique(),
    }


def of_counts(counts: Counts) -> Figures:
    """The same figures, from how often each value occurs."""
    figures: Figures = {"num_non_missing": counts.total, "unique": len(counts.values)}
    if counts.total:
        lengths = pc.utf8_length(counts.values).to_numpy()
        figures |= {"min_length": lengths.min(), "max_length": lengths.max()}
        figures["avg_length"] = np.average(lengths, weights=counts.nums)
    return figures


@dataclass
class Seen:
    """What a sample shows of a column's values."""

    num_distinct: int = 0
    num_once: int = 0
    """Values that occur once."""
    often: list[str] = field(default_factory=list)
    """Values that occur often enough for chance not to decide which these are; the most frequent
    first, as many as are listed."""


def seen(settings: config.Engine, sample: ir.Table) -> dict[str, Seen]:
    """What a sample shows of each column of text, by one query over one sample."""
    columns = named(sample, "text")
    found = {name: Seen() for name in columns}
    if columns:
        rows = engine.to_arrow(settings, _often(sample, columns)).to_pylist()
        for row in sorted(rows, key=lambda row: (-row["num"], row["value"])):
            of = found[row["column"]]
            of.num_distinct, of.num_once = row["num_distinct"], row["num_once"]
            if row["num"] >= sampling.OFTEN and len(of.often) < NUM_RANKED_VALUES:
                of.often.append(row["value"])
    return found


def _often(sample: ir.Table, columns: Mapping[str, ir.Column]) -> ir.Table:
    """Values that occur often, and one at least of each column that has any."""
    cells = [ibis.struct({"column": name, "value": text(of)}) for name, of in columns.items()]
    values = sample.select(cell=ibis.array(cells).unnest()).unpack("cell")
    present = values.filter(values.value.notnull())
    counts = present.group_by("column", "value").agg(num=present.count())
    known = counts.mutate(
        is_first=ibis.row_number().over(group_by="column") == 0,
        num_distinct=counts.count().over(group_by="column"),
        num_once=(counts.num == 1).sum().over(group_by="column"),
    )
    return known.filter((known.num >= sampling.OFTEN) | known.is_first)


def describe(feature: Any, figures: Figures, counts: Counts) -> None:
    """Fills in a feature's `StringStatistics`, all but what is common, and custom figures."""
    stats = feature.string_stats
    stats.SetInParent()  # a column without values has string statistics too
    if not figures.get("num_non_missing"):
        return
    stats.unique, stats.avg_length = figures["unique"], figures["avg_length"]
    feature.custom_stats.add(name=MIN_LENGTH, num=figures["min_length"])
    feature.custom_stats.add(name=MAX_LENGTH, num=figures["max_length"])
    for place, (value, num) in enumerate(counts.most_frequent(NUM_RANKED_VALUES)):
        if place < NUM_TOP_VALUES:
            stats.top_values.add(value=value, frequency=num)
        stats.rank_histogram.buckets.add(
            low_rank=place, high_rank=place, label=value, sample_count=num
        )
