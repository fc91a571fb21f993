"""What a span's data looks like, as tensorflow-metadata's `DatasetFeatureStatisticsList`.

One aggregate query a table gives every scalar figure of every column, and one more the value
counts of its strings; nothing but these figures leaves the engine, so tables may be much larger
than memory. TFDV and other tools of TFX open what is written here.

| column                  | type     | figures                                                |
|-------------------------|----------|--------------------------------------------------------|
| integer, boolean        | `INT`    | mean, deviation, min, max, zeros                       |
| time, day               | `INT`    | the same, in seconds since 1970                        |
| floating point          | `FLOAT`  | the same over finite values, but for min and max       |
| string                  | `STRING` | distinct values, mean length, most frequent values     |
| list of strings         | `STRING` | the same over all values; values per list              |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys import config, engine
from recsys.features.statistics.readers import NUM_INFINITE, DatasetFeatureStatisticsList, common

NUM_TOP_VALUES = 20
"""Most frequent values listed as such."""
NUM_RANKED_VALUES = 1_000
"""Most frequent values counted; all of a column's, where it has no more than these."""


def compute(
    settings: config.Engine, tables: Mapping[str, ir.Table]
) -> DatasetFeatureStatisticsList:
    """The statistics of several tables, each a dataset of that name.

    Args:
        settings: the engine that the tables belong to.
        tables: by name; a column's name may be in one of them only.
    """
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    for name, table in tables.items():
        scalars = _scalars(settings, table)
        values = _values(settings, table)
        dataset = statistics.datasets.add(name=name, num_examples=scalars["num_examples"])
        for column in table.columns:
            figures = _Figures(column, scalars, values[column])
            _add_feature(dataset, column, table[column].type(), figures)
    return statistics


class _Figures:
    """What the engine computed of one column."""

    def __init__(self, column: str, scalars: Mapping[str, Any], values: list[dict[str, Any]]):
        self._column = column
        self._scalars = scalars
        self.values = values
        """The most frequent values: `value`, `num`, and of all of them `unique` and `length`."""

    def __getitem__(self, figure: str) -> Any:
        """A scalar figure; 0 where the engine had no row to compute it from."""
        return self._scalars[f"{figure} {self._column}"] or 0


def _scalars(settings: config.Engine, table: ir.Table) -> Mapping[str, Any]:
    """Every scalar figure of every column, as `<figure> <column>`, in one pass."""
    wanted = {"num_examples": table.count()}
    for column in table.columns:
        for figure, expression in _scalars_of(table[column]).items():
            wanted[f"{figure} {column}"] = expression
    row: Mapping[str, Any] = engine.to_arrow(settings, table.aggregate(**wanted)).to_pylist()[0]
    return row


def _scalars_of(column: ir.Column) -> dict[str, ir.Scalar]:
    scalars = {"num_non_missing": column.count()}
    if column.type().is_array():
        lengths = column.length()
        scalars |= {"min_len": lengths.min(), "max_len": lengths.max(), "num_values": lengths.sum()}
    elif not column.type().is_string():
        number = _as_number(column)
        is_nan, is_infinite = number.isnan(), number.isinf()
        finite = ibis.ifelse(is_nan | is_infinite, ibis.null("float64"), number)
        comparable = ibis.ifelse(is_nan, ibis.null("float64"), number)
        scalars |= {
            "mean": finite.mean(),
            "std_dev": finite.std(how="pop"),
            "num_zeros": (finite == 0).sum(),
            "min": comparable.min(),
            "max": comparable.max(),
            "num_nan": is_nan.sum(),
            "num_infinite": is_infinite.sum(),
        }
    return scalars


def _as_number(column: ir.Column) -> ir.FloatingColumn:
    if column.type().is_timestamp():
        return column.epoch_seconds().cast("float64")
    if column.type().is_date():
        return column.cast("timestamp").epoch_seconds().cast("float64")
    return column.cast("float64")


def _values(settings: config.Engine, table: ir.Table) -> Mapping[str, list[dict[str, Any]]]:
    """The most frequent values of every column of strings, in one query over all of them."""
    counts = [_counted(table, c) for c in table.columns if _has_values(table[c])]
    by_column: Mapping[str, list[dict[str, Any]]] = defaultdict(list)
    if counts:
        rows = engine.to_arrow(settings, ibis.union(*counts).order_by("column", "place"))
        for row in rows.to_pylist():
            by_column[row["column"]].append(row)
    return by_column


def _has_values(column: ir.Column) -> bool:
    dtype = column.type()
    return bool(dtype.is_string() or (dtype.is_array() and dtype.value_type.is_string()))


def _counted(table: ir.Table, column: str) -> ir.Table:
    values = table[column].unnest() if table[column].type().is_array() else table[column]
    one_a_row = table.select(value=values)
    present = one_a_row.filter(one_a_row.value.notnull())
    counts = present.group_by("value").agg(num=present.count())
    ranked = counts.mutate(
        column=ibis.literal(column),
        place=ibis.row_number().over(order_by=[ibis.desc("num"), "value"]),
        unique=counts.count().over(),
        length=(counts.value.length() * counts.num).sum().over(),
        total=counts.num.sum().over(),
    )
    return ranked.filter(ranked.place < NUM_RANKED_VALUES)


def _add_feature(dataset: Any, column: str, dtype: dtypes.DataType, figures: _Figures) -> None:
    feature = dataset.features.add()
    feature.path.step.append(column)
    if dtype.is_array() or dtype.is_string():
        feature.type = statistics_pb2.FeatureNameStatistics.STRING
        _set_string_stats(feature.string_stats, figures)
    else:
        is_float = dtype.is_floating() or dtype.is_decimal()
        types = statistics_pb2.FeatureNameStatistics
        feature.type = types.FLOAT if is_float else types.INT
        _set_num_stats(feature.num_stats, figures)
        feature.custom_stats.add(name=NUM_INFINITE, num=figures["num_infinite"])
    _set_common_stats(common(feature), dataset.num_examples, dtype, figures)


def _set_common_stats(
    stats: Any, num_examples: int, dtype: dtypes.DataType, figures: _Figures
) -> None:
    present = figures["num_non_missing"]
    stats.num_non_missing = present
    stats.num_missing = num_examples - present
    is_list = dtype.is_array()
    stats.min_num_values = figures["min_len"] if is_list else min(present, 1)
    stats.max_num_values = figures["max_len"] if is_list else min(present, 1)
    stats.tot_num_values = figures["num_values"] if is_list else present
    stats.avg_num_values = stats.tot_num_values / present if present else 0


def _set_num_stats(stats: Any, figures: _Figures) -> None:
    stats.mean = figures["mean"]
    stats.std_dev = figures["std_dev"]
    stats.num_zeros = figures["num_zeros"]
    stats.min = figures["min"]
    stats.max = figures["max"]
    stats.histograms.add(num_nan=figures["num_nan"])


def _set_string_stats(stats: Any, figures: _Figures) -> None:
    stats.SetInParent()  # a column without values has string statistics too
    if figures.values:
        stats.unique = figures.values[0]["unique"]
        stats.avg_length = figures.values[0]["length"] / figures.values[0]["total"]
    for row in figures.values[:NUM_TOP_VALUES]:
        stats.top_values.add(value=row["value"], frequency=row["num"])
    for row in figures.values:
        place = row["place"]
        stats.rank_histogram.buckets.add(
            low_rank=place, high_rank=place, label=row["value"], sample_count=row["num"]
        )
