"""Figures of lists: how many values they have. What the values are like is found as that of a
table of them."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys.features.statistics import numbers
from recsys.features.statistics.columns import keys
from recsys.features.statistics.counts import Counts


def values(table: ir.Table, column: str) -> ir.Table:
    """All values of a column of lists, one a row, with their slice."""
    return table.select(*keys(table), **{column: table[column].unnest()})


def length(column: ir.ArrayColumn) -> ir.IntegerColumn:
    """How many values a list has; one that is missing has none."""
    return ibis.ifelse(column.isnull(), 0, column.length()).cast("int64")


def num_values(lengths: Counts) -> int:
    """The values of all lists."""
    return int(np.dot(lengths.values.to_numpy(), lengths.nums))


def describe(common: Any, lengths: Counts) -> None:
    """Fills in the `CommonStatistics` of lists; one without values is missing, since a tf.Example
    can't tell it from none."""
    sizes = lengths.values.to_numpy()
    present = Counts(lengths.values.filter(sizes > 0), lengths.nums[sizes > 0])
    common.num_non_missing, common.num_missing = present.total, lengths.total - present.total
    if present.total:
        sizes = present.values.to_numpy()
        common.min_num_values, common.max_num_values = sizes[0], sizes[-1]
        common.tot_num_values = num_values(present)
        common.avg_num_values = common.tot_num_values / present.total
        histogram = common.num_values_histogram
        histogram.type = statistics_pb2.Histogram.QUANTILES
        numbers.fill_parts(histogram, numbers.cuts(present), present.total)
