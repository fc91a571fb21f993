"""Figures of numbers. The extremes come first, since the buckets of a histogram lie between them.
Whole numbers of a small range are counted, and all their figures follow from the counts; others
are computed by a pass over all rows, and quantiles by one over a sample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys.features.statistics.columns import as_double, finite
from recsys.features.statistics.counts import Counts
from recsys.features.statistics.query import Figures
from recsys.features.statistics.readers import NUM_INFINITE

NUM_BUCKETS = 10
"""Buckets of an equi-width histogram."""
NUM_QUANTILES = 20
"""Parts of the same size that quantiles cut a number's values into; even, so that the median is
among them."""
LARGEST_SQUARED = 1e150
"""Mean and deviation are of values up to it, on either side of zero: the squares of larger ones
are no doubles."""

_RANKS = [rank / NUM_QUANTILES for rank in range(NUM_QUANTILES + 1)]

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


def edges(low: float | None, high: float | None) -> Edges:
    """Edges of buckets of equal width from the least finite value to the greatest; of one bucket,
    where these are the same; none, where there is no value."""
    if low is None or high is None:
        return ()
    low, high = _unsigned(low), _unsigned(high)
    if low == high:
        return (low, high)
    # Halves, since the distance of two doubles may be none.
    return tuple((np.linspace(low / 2, high / 2, NUM_BUCKETS + 1) * 2).tolist())


def scalars(column: ir.Column, edges: Edges, drawn: ir.BooleanColumn) -> dict[str, ir.Scalar]:
    """All but extremes; `edges` are the histogram's, and quantiles are of the rows that are
    `drawn`."""
    number = squared = finite(column)
    compared = as_double(column)  # what isn't finite is no zero, and below an edge if infinite
    if edges and max(-edges[0], edges[-1]) > LARGEST_SQUARED:
        can_be = number.abs() <= LARGEST_SQUARED
        squared = ibis.ifelse(can_be, number, ibis.null("float64"))
    wanted = {
        "num_non_missing": column.count(),
        "num_zeros": count_if(compared == 0),
        "mean": squared.mean(),
        "std_dev": squared.std(how="pop"),
        "quantiles": ibis.ifelse(drawn, number, ibis.null("float64")).quantile(_RANKS),
    }
    for place, edge in enumerate(edges[1:-1]):
        wanted[f"below_{place}"] = count_if(compared < edge)
    if column.type().is_floating():
        wanted["num_finite"] = number.count()
        wanted["num_above"] = count_if(column == math.inf)
        wanted["num_below"] = count_if(column == -math.inf)
    return wanted


def of_counts(counts: Counts, edges: Edges) -> Figures:
    """All figures of whole numbers, from how often each occurs."""
    values, nums = counts.values.to_numpy().astype(np.float64), counts.nums
    figures: Figures = {"num_non_missing": counts.total}
    if counts.total:
        mean = np.average(values, weights=nums)
        variance = np.average((values - mean) ** 2, weights=nums)
        figures |= {"min": values[0], "max": values[-1]}
        figures |= {"mean": mean, "std_dev": math.sqrt(variance)}
        figures |= {"num_zeros": nums[values == 0].sum(), "quantiles": cuts(counts)}
        for place, edge in enumerate(edges[1:-1]):
            figures[f"below_{place}"] = nums[values < edge].sum()
    return figures


def cuts(counts: Counts) -> list[float]:
    """Quantiles of what was counted, interpolated as engines and NumPy do."""
    places = np.array(_RANKS) * (counts.total - 1)
    ends = np.cumsum(counts.nums)
    values = counts.values.to_numpy().astype(np.float64)
    low = values[np.searchsorted(ends, np.floor(places), side="right")]
    high = values[np.searchsorted(ends, np.ceil(places), side="right")]
    between: list[float] = (low + (high - low) * (places - np.floor(places))).tolist()
    return between


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
        stats.mean, stats.std_dev = figures["mean"] or 0.0, figures["std_dev"] or 0.0
        stats.num_zeros = figures["num_zeros"]
        stats.min, stats.max = _unsigned(figures["min"]), _unsigned(figures["max"])
        below = [figures[f"below_{place}"] - num_below for place in range(len(edges) - 2)]
        fill(equi_width, edges, np.diff([0, *below, num_finite]).tolist())
        inner = figures["quantiles"][1:-1]
        fill_parts(quantiles, [stats.min, *inner, stats.max], num_finite)
        stats.median = inner[len(inner) // 2]
    if num_below:
        stats.min = -math.inf
    if num_above:
        stats.max = math.inf


def fill(histogram: Any, edges: Sequence[float], counts: Sequence[float]) -> None:
    """Adds buckets that lie side by side."""
    for (low, high), count in zip(itertools.pairwise(edges), counts, strict=True):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=count)


def fill_parts(histogram: Any, edges: Sequence[float], num: int) -> None:
    """Adds the buckets between quantiles: parts of the same size."""
    fill(histogram, edges, [num / NUM_QUANTILES] * NUM_QUANTILES)


def _unsigned(number: float) -> float:
    """Takes the sign off a zero, which the least and greatest value of a Parquet file may have."""
    return number + 0.0
