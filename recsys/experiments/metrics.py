"""What a metric's name stands for, and how a person writes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from recsys.config import Metric
from recsys.config.experiments import BUILT_IN_METRICS
from recsys.errors import BadInput


def named(name: str, declared: Mapping[str, Metric]) -> Metric:
    """The metric of that name; a declared one goes before a built-in one."""
    return declared[name] if name in declared else BUILT_IN_METRICS[name]


def words(name: str) -> str:
    """A metric's name in words."""
    return name.replace("_", " ")


def columns_are_there(used: Mapping[str, Metric], columns: Collection[str]) -> None:
    """Checks that metrics can be computed.

    Raises:
        BadInput: the outcomes lack a column that one of them is made of.
    """
    for name, metric in used.items():
        for column in filter(None, (metric.of, metric.per)):
            if column not in columns:
                raise BadInput(
                    f"metric {name} is of column {column!r}, the outcomes have "
                    f"{', '.join(columns)}: log it, or name another metric."
                )
