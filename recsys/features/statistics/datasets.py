"""The message: a dataset a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
from tensorflow_metadata.proto.v0 import statistics_pb2

from recsys import config
from recsys.features.statistics import examined, lists, numbers, texts
from recsys.features.statistics.columns import feature_type, kind
from recsys.features.statistics.examined import Frame, Part
from recsys.features.statistics.readers import DatasetFeatureStatisticsList, common


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
        part, frame = examined.whole(settings, table)
        _add_dataset(statistics, name, table.schema(), part, frame)
    return statistics


def _add_dataset(
    statistics: DatasetFeatureStatisticsList,
    name: str,
    schema: ibis.Schema,
    part: Part,
    frame: Frame,
) -> None:
    dataset = statistics.datasets.add(name=name, num_examples=part.num_rows)
    for column, dtype in schema.items():
        feature = dataset.features.add(type=feature_type(dtype))
        feature.path.step.append(column)
        if kind(dtype) == "list":
            _describe(feature, column, part.of_values[column], frame.of_values[column])
            lists.describe(common(feature), part.lengths.get(column, {}))
        else:
            _describe(feature, column, part, frame)
            _set_presence(common(feature), part, column)


def _describe(feature: Any, column: str, part: Part, frame: Frame) -> None:
    """Fills in what a column's values are like, or those of a column of lists."""
    figures = part.figures.get(column, {})
    if feature.type == statistics_pb2.FeatureNameStatistics.STRING:
        ranks = part.ranked.get(column, texts.Ranked())
        texts.describe(feature, figures, ranks, is_counted=column not in frame.sought)
    else:
        numbers.describe(feature, figures, frame.edges[column])


def _set_presence(common: Any, part: Part, column: str) -> None:
    num = part.figures[column]["num_non_missing"]
    common.num_non_missing, common.num_missing = num, part.num_rows - num
    common.min_num_values = common.max_num_values = common.avg_num_values = min(num, 1)
    common.tot_num_values = num
