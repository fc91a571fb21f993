"""Two columns of one table together, as `CrossFeatureStatistics`.

Two numbers have a correlation and a covariance (of the population). A category with a label of 0
and 1 has a lift for each of its most frequent values: P(label = 1 | value) / P(label = 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from recsys import config, engine
from recsys.errors import BadInput
from recsys.features.statistics import query
from recsys.features.statistics.columns import WHOLE, finite, kind, text
from recsys.features.statistics.numbers import count_if

MAX_LIFTS = 100
"""Most frequent values of a category whose lifts are listed."""

Pair = tuple[str, str]


def of_tables(tables: Mapping[str, ir.Table], pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """The pairs that each table has, a category before its label.

    Raises:
        BadInput: no table has both columns, or they are of kinds that have no figures together.
    """
    found: dict[str, list[Pair]] = {name: [] for name in tables}
    for pair in pairs:
        owner = next((name for name, of in tables.items() if {*pair} <= {*of.columns}), None)
        if owner is None:
            raise BadInput(
                f"statistics.pairs has {list(pair)}, expected two columns of "
                f"{' or of '.join(tables)}."
            )
        found[owner].append(_in_order(tables[owner], pair))
    return found


def add(settings: config.Engine, table: ir.Table, pairs: Sequence[Pair], dataset: Any) -> None:
    """Adds the figures of pairs, which `of_tables` gave, to a `DatasetFeatureStatistics`."""
    of_numbers = [pair for pair in pairs if _kinds(table, pair) == ["number", "number"]]
    wanted = {"\n".join(pair): _together(table, pair) for pair in of_numbers}
    found = query.scalars(settings, table, wanted)
    for pair in pairs:
        cross = dataset.cross_features.add()
        cross.path_x.step.append(pair[0])
        cross.path_y.step.append(pair[1])
        if pair in of_numbers:
            _describe_numbers(cross, found[WHOLE]["\n".join(pair)])
        else:
            _describe_lifts(cross, _lifts(settings, table, pair))


def _kinds(table: ir.Table, pair: Pair) -> list[str]:
    return [kind(table[name].type()) for name in pair]


def _in_order(table: ir.Table, pair: Pair) -> Pair:
    ordered = pair if _kinds(table, pair)[0] == "text" else (pair[1], pair[0])
    label = table[ordered[1]].type()
    match _kinds(table, ordered):
        case ["number", "number"]:
            return pair
        case ["text", "number"] if label.is_boolean() or label.is_integer():
            return ordered
    raise BadInput(
        f"statistics.pairs has {list(pair)}, expected two numbers, or a category and a label of 0 "
        f"and 1; they are {table[pair[0]].type()} and {table[pair[1]].type()}."
    )


def _together(table: ir.Table, pair: Pair) -> dict[str, ir.Scalar]:
    x, y = (finite(table[name]) for name in pair)
    return {
        "count": count_if(x.notnull() & y.notnull()),
        "correlation": x.corr(y, how="pop"),
        "covariance": x.cov(y, how="pop"),
    }


def _describe_numbers(cross: Any, figures: query.Figures) -> None:
    cross.count = figures["count"] or 0
    cross.num_cross_stats.SetInParent()
    for name in ("correlation", "covariance"):
        # A constant is correlated with nothing.
        if figures[name] is not None and math.isfinite(figures[name]):
            setattr(cross.num_cross_stats, name, figures[name])


def _lifts(settings: config.Engine, table: ir.Table, pair: Pair) -> list[dict[str, Any]]:
    category, label = table[pair[0]], table[pair[1]].cast("int64")
    rows = table.select(value=text(category), label=label).filter(label.notnull())
    counts = rows.group_by("value").agg(num=rows.count(), num_true=count_if(rows.label == 1))
    totals = counts.mutate(total=counts.num.sum().over(), total_true=counts.num_true.sum().over())
    listed = totals.filter(totals.value.notnull()).order_by(ibis.desc("num"), "value")
    lifts: list[dict[str, Any]] = engine.to_arrow(settings, listed.limit(MAX_LIFTS)).to_pylist()
    return lifts


def _describe_lifts(cross: Any, lifts: Sequence[Mapping[str, Any]]) -> None:
    series = cross.categorical_cross_stats.lift.lift_series.add(y_int=1)
    for row in lifts:
        cross.count, series.y_count = row["total"], row["total_true"]
        if series.y_count:
            lift = (row["num_true"] / row["num"]) / (series.y_count / cross.count)
            series.lift_values.add(
                x_string=row["value"],
                x_count=row["num"],
                x_and_y_count=row["num_true"],
                lift=lift,
            )
