"""Figures of numbers: the extremes first, since the buckets of a histogram lie between them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys.features.statistics.columns import finite
from recsys.features.statistics.readers import NUM_INFINITE

NUM_BUCKETS = 10
"""Buckets of an equi-width histogram."""
NUM_QUANTILES = 20
"""Parts of the same size that quantiles cut a number's values into; even, so that the median is
among them."""
LARGEST_SQUARED = 1e150
"""Mean and deviation are of values up to it, on either side of zero: the squares of larger ones
are no doubles."""

RANKS = [rank / NUM_QUANTILES for rank in range(NUM_QUANTILES + 1)]
"""Shares of a number's values below its quantiles."""

Edges = tuple[float, ...]
"""Where the buckets of a histogram begin and end."""


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]
def count_if(condition: bool) -> int:  # type: ignore[empty-body]
    """Rows for which something holds, by the name that both engines know it by: several times as
    fast as what Ibis makes of a sum or of a filter."""


def reported_extremes(column: ir.Column) -> dict[str, ir.Scalar]:
    """The least and the greatest value, if both are finite. Nearly free, where an engine reads them
    from what a file says of itself."""
    return {"min": finite(column.min()), "max": finite(column.max())}


def extremes(column: ir.Column) -> dict[str, ir.Scalar]:
    """The least and the greatest finite value."""
    number = finite(column)
    return {"min": number.min(), "max": number.max()}


def edges(figures: Mapping[str, Any]) -> Edges:
    """Edges of buckets of equal width from the least finite value to the greatest; of one bucket,
    where these are the same; none, where there is no value."""
    low, high = figures["min"], figures["max"]
    if low is None:
        return ()
    if low == high:
        return (low, high)
    # Halves, since the distance of two doubles may be none.
    return tuple((np.linspace(low / 2, high / 2, NUM_BUCKETS + 1) * 2).tolist())


def scalars(
    column: ir.Column, edges: Edges, drawn: ir.BooleanColumn | None
) -> dict[str, ir.Scalar]:
    """All other figures.

    Args:
        column: the numbers.
        edges: of their histogram.
        drawn: rows to take quantiles of; None for all.
    """
    number = finite(column)
    squared = number
    if column.type().is_float64():
        can_be = number.abs() <= LARGEST_SQUARED
        squared = ibis.ifelse(can_be, number, ibis.null("float64"))
    wanted = {
        "num_non_missing": column.count(),
        "num_zeros": count_if(number == 0),
        "mean": squared.mean(),
        "std_dev": squared.std(how="pop"),
        "quantiles": number.quantile(RANKS, where=drawn),
    }
    for place, edge in enumerate(edges[1:-1]):
        wanted[f"num_below_{place}"] = count_if(number < edge)
    if column.type().is_floating():
        wanted["num_finite"] = number.count()
        wanted["num_above"] = count_if(column == math.inf)
        wanted["num_below"] = count_if(column == -math.inf)
    return wanted


def describe(feature: Any, figures: Mapping[str, Any], edges: Edges) -> None:
    """Fills in a feature's `NumericStatistics`, all but what is common, and custom figures."""
    num = figures.get("num_non_missing", 0)
    num_finite = figures.get("num_finite", num)
    num_above, num_below = (figures.get(name) or 0 for name in ("num_above", "num_below"))
    num_infinite = num_above + num_below
    feature.custom_stats.add(name=NUM_INFINITE, num=num_infinite)
    stats, types = feature.num_stats, statistics_pb2.Histogram
    unplaced = {"num_nan": num - num_finite - num_infinite, "num_undefined": num_infinite}
    equi_width = stats.histograms.add(type=types.STANDARD, **unplaced)
    quantiles = stats.histograms.add(type=types.QUANTILES, **unplaced)
    if num_finite:
        stats.mean, stats.std_dev = figures["mean"], figures["std_dev"]
        stats.num_zeros = figures["num_zeros"]
        stats.min, stats.max = figures["min"], figures["max"]
        below = [figures[f"num_below_{place}"] for place in range(len(edges) - 2)]
        fill(equi_width, edges, np.diff([0, *below, num_finite]).tolist())
        cuts = [stats.min, *figures["quantiles"][1:-1], stats.max]
        fill(quantiles, cuts, [num_finite / NUM_QUANTILES] * NUM_QUANTILES)
        stats.median = cuts[NUM_QUANTILES // 2]
    if num_below:
        stats.min = -math.inf
    if num_above:
        stats.max = math.inf


def fill(histogram: Any, edges: Sequence[float], counts: Sequence[float]) -> None:
    """Adds buckets that lie side by side."""
    for (low, high), count in zip(itertools.pairwise(edges), counts, strict=True):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
