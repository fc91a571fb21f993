"""The message: a dataset a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys import config
from recsys.features.statistics import lists, numbers, pairs, slicing, texts
from recsys.features.statistics.columns import WHOLE, feature_type, kind
from recsys.features.statistics.counts import NONE
from recsys.features.statistics.examined import Part, examine
from recsys.features.statistics.plan import Plan, plan
from recsys.features.statistics.readers import DatasetFeatureStatisticsList, common


def compute(
    settings: config.Engine,
    tables: Mapping[str, ir.Table],
    wanted: config.Statistics | None = None,
) -> DatasetFeatureStatisticsList:
    """The statistics of several tables, each a dataset of that name; then of their slices, each a
    dataset of a name such as `examples[country=BR]`.

    Args:
        settings: the engine that the tables belong to.
        tables: by name; a column's name may be in one of them only.
        wanted: slices and pairs; none unless they are named.

    Raises:
        BadInput: a slice or a pair does not fit any table.
    """
    wanted = wanted or config.Statistics()
    of_pairs = pairs.of_tables(tables, wanted.pairs)
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    plans: dict[str, Plan] = {}
    for name, table in tables.items():
        plans[name] = plan(settings, table)
        whole = examine(settings, table, plans[name])[WHOLE]
        dataset = _add_dataset(statistics, name, table.schema(), whole, plans[name])
        pairs.add(settings, table, of_pairs[name], dataset)
    for expression, name, rows in slicing.sliced(settings, tables, wanted.slices):
        parts = examine(settings, rows, plans[name])
        for value, part in sorted(parts.items(), key=lambda each: -each[1].num_rows):
            slice_name = f"{name}[{expression}={value}]"
            _add_dataset(statistics, slice_name, tables[name].schema(), part, plans[name])
    return statistics


def _add_dataset(
    statistics: DatasetFeatureStatisticsList,
    name: str,
    schema: ibis.Schema,
    part: Part,
    plan: Plan,
) -> Any:
    dataset = statistics.datasets.add(name=name, num_examples=part.num_rows)
    for column, dtype in schema.items():
        feature = dataset.features.add(type=feature_type(dtype))
        feature.path.step.append(column)
        if kind(dtype) == "list":
            _describe(feature, column, part.of_values[column], plan.of_values[column])
            lists.describe(common(feature), part.counts.get(column, NONE))
        else:
            _describe(feature, column, part, plan)
            _set_presence(common(feature), part, column)
    return dataset


def _describe(feature: Any, column: str, part: Part, plan: Plan) -> None:
    """Fills in what a column's values are like, or those of a column of lists."""
    figures = part.figures.get(column, {})
    if feature.type == statistics_pb2.FeatureNameStatistics.STRING:
        texts.describe(feature, figures, part.counts.get(column, NONE))
    else:
        numbers.describe(feature, figures, plan.edges[column])


def _set_presence(common: Any, part: Part, column: str) -> None:
    num = part.figures.get(column, {}).get("num_non_missing", 0)
    common.num_non_missing, common.num_missing = num, part.num_rows - num
    common.min_num_values = common.max_num_values = common.avg_num_values = min(num, 1)
    common.tot_num_values = num
