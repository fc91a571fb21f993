"""Figures of lists: how many values they have. What the values are like is found as that of a
table of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys import config, engine
from recsys.features.statistics import numbers
from recsys.features.statistics.columns import SLICE, keys
from recsys.features.statistics.query import WHOLE

Lengths = dict[int, int]
"""How many lists have so many values; an absent one has none."""


def values(table: ir.Table, column: str) -> ir.Table:
    """All values of a column of lists, one a row, with their slice."""
    return table.select(*keys(table), **{column: table[column].unnest()})


def lengths(
    settings: config.Engine, table: ir.Table, columns: Sequence[str]
) -> dict[str, dict[str, Lengths]]:
    """For each slice and column, how long lists are; in one query."""
    found: dict[str, dict[str, Lengths]] = {}
    counts = [_lengths(table, column) for column in columns]
    if counts:
        for row in engine.to_arrow(settings, ibis.union(*counts)).to_pylist():
            of_slice = found.setdefault(row.get(SLICE, WHOLE), {})
            of_slice.setdefault(row["column"], {})[row["length"]] = row["num"]
    return found


def _lengths(table: ir.Table, column: str) -> ir.Table:
    found = table[column]
    length = ibis.ifelse(found.isnull(), 0, found.length())
    one_a_row = table.select(*keys(table), length=length)
    counts = one_a_row.group_by(*keys(table), "length").agg(num=ibis._.count())
    return counts.mutate(column=ibis.literal(column))


def describe(common: Any, found: Lengths) -> None:
    """Fills in the `CommonStatistics` of lists; one without values is missing, since a tf.Example
    can't tell it from none."""
    present = {length: num for length, num in sorted(found.items()) if length}
    common.num_non_missing = sum(present.values())
    common.num_missing = found.get(0, 0)
    if present:
        sizes, nums = list(present), list(present.values())
        common.min_num_values, common.max_num_values = sizes[0], sizes[-1]
        common.tot_num_values = sum(size * num for size, num in present.items())
        common.avg_num_values = common.tot_num_values / common.num_non_missing
        cuts = np.quantile(sizes, numbers.RANKS, weights=nums, method="inverted_cdf")
        common.num_values_histogram.type = statistics_pb2.Histogram.QUANTILES
        share = common.num_non_missing / numbers.NUM_QUANTILES
        numbers.fill(common.num_values_histogram, cuts.tolist(), [share] * numbers.NUM_QUANTILES)
