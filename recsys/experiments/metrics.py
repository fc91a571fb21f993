"""What a metric's name stands for, and how a person writes it."""

from __future__ import annotations

from collections.abc import Mapping

from recsys.config import Metric
from recsys.config.experiments import BUILT_IN_METRICS


def named(name: str, declared: Mapping[str, Metric]) -> Metric:
    """The metric of that name; a declared one goes before a built-in one."""
    return declared[name] if name in declared else BUILT_IN_METRICS[name]


def words(name: str) -> str:
    """A metric's name in words."""
    return name.replace("_", " ")
