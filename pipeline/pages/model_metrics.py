"""The metrics of a candidate model's page: each beside the baseline's, and what was required."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from recsys.evaluation.checks import Check
from recsys.evaluation.metrics import METRICS, Metric
from recsys.evaluation.results import Comparison, Measured


@dataclass(frozen=True)
class Row:
    """One metric."""

    words: str
    metric: Metric
    compared: Comparison
    checks: Sequence[Check]
    """What was required of it on everything together."""

    @property
    def passed(self) -> bool:
        """Whether it was all that was required."""
        return all(check.passed for check in self.checks)


Group = tuple[str, list[Row]]
"""What the metrics are of, and they."""


def groups(measured: Measured, checks: Sequence[Check]) -> list[Group]:
    """All metrics in the order of `METRICS`, by what they are of."""
    rows = [
        Row(
            measured.words(name),
            METRICS[name],
            compared,
            [check for check in checks if check.metric == name and not check.slice],
        )
        for name, compared in measured.metrics.items()
    ]
    return [(part, list(of)) for part, of in itertools.groupby(rows, lambda row: row.metric.part)]
