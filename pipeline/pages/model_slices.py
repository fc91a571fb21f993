"""The slices of a candidate model's page: a forest plot for each metric that is judged on them, and
those that are too small to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recsys.evaluation.checks import Check
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.results import Comparison, Measured, MeasuredSlice
from recsys.reports import figures
from recsys.reports.forest import Forest, Mark, Row, forest

LEAST_SHOWN, MOST_SHOWN = 8, 12
"""Slices of a metric that are shown at once: those that failed, within these bounds."""

Checks = Mapping[str, Check]
"""Of one metric, by slice."""


@dataclass(frozen=True)
class JudgedMetric:
    """One metric on all slices that there is enough of."""

    words: str
    forest: Forest
    """The worst slice first."""
    lower_is_better: bool
    num_failed: int

    @property
    def num_shown(self) -> int:
        """How many slices are shown at once."""
        return min(max(LEAST_SHOWN, self.num_failed), MOST_SHOWN)


@dataclass(frozen=True)
class SmallSlice:
    """A slice that is too small for a part of the metrics."""

    slice: MeasuredSlice
    what: str
    """What is not judged on it."""


def judged(measured: Measured, checks: Sequence[Check]) -> list[JudgedMetric]:
    """Every metric of slices of which one figure can be better than another, those that failed
    somewhere first."""
    found = []
    for name, metric in METRICS.items():
        slices = [one for one in measured.slices if name in one.metrics]
        if slices and metric.better != "neither":
            of_metric = {check.slice: check for check in checks if check.metric == name}
            found.append(_judged(measured, name, slices, of_metric))
    return sorted(found, key=lambda one: -one.num_failed)


def too_small(measured: Measured) -> list[SmallSlice]:
    """The slices that some metrics are not judged on, the largest first."""
    has_ranking = "ranking_auc" in measured.metrics
    found = []
    for one in measured.slices:
        parts = [] if "page_recall" in one.metrics else ["pages"]
        parts += ["ranking"] if has_ranking and "ranking_auc" not in one.metrics else []
        if parts:
            found.append(SmallSlice(one, " and ".join(parts)))
    return sorted(found, key=lambda small: (-small.slice.num_users, -small.slice.num_impressions))


def _judged(
    measured: Measured, name: str, slices: Sequence[MeasuredSlice], checks: Checks
) -> JudgedMetric:
    metric = METRICS[name]
    lower_is_better = metric.better == "lower"

    def badness(one: MeasuredSlice) -> tuple[bool, float, float]:
        check, value = checks.get(one.name), one.metrics[name].candidate.value
        signed = -value if lower_is_better else value
        return (check.passed, check.chance, signed) if check else (True, 1.0, signed)

    rows = [
        _row(one, name, checks.get(one.name), measured.has_baseline)
        for one in sorted(slices, key=badness)
    ]
    panels = [("candidate model", measured.metrics[name].candidate.value)]
    panels += [("change", 0.0)] if measured.has_baseline else []
    counts = ("impressions", "installs") if metric.part == "ranking" else ("users",)
    plot = forest(("slice", *counts), panels, rows)
    num_failed = sum(not check.passed for check in checks.values() if check.slice)
    return JudgedMetric(measured.words(name), plot, lower_is_better, num_failed)


def _row(one: MeasuredSlice, name: str, check: Check | None, has_baseline: bool) -> Row:
    compared = one.metrics[name]
    of_ranking = METRICS[name].part == "ranking"
    counts = [one.num_impressions, one.num_installs] if of_ranking else [one.num_users]
    change = (_change(compared, check) if check else None,) if has_baseline else ()
    return Row(
        name=one.name,
        cells=tuple(figures.count(num) for num in counts),
        marks=(_value(compared), *change),
        tone="error" if check and not check.passed else "",
    )


def _value(compared: Comparison) -> Mark:
    mine, theirs = compared.candidate, compared.baseline
    text = figures.metric(mine.value)
    words = f"{text} {figures.interval(mine.interval)}"
    if theirs:
        words += f", the baseline {figures.metric(theirs.value)}"
    return Mark(mine.value, mine.interval, theirs.value if theirs else None, text, words)


def _change(compared: Comparison, check: Check) -> Mark:
    assert compared.baseline is not None and compared.change is not None
    change = compared.change
    tolerated = check.bound - compared.baseline.value
    text = figures.metric(change.value, "+")
    words = (
        f"a change of {text} {figures.interval(change.interval, '+')}, "
        f"{figures.metric(tolerated, '+')} is tolerated"
    )
    sign = "" if check.passed else "✕ "
    return Mark(change.value, change.interval, tolerated, sign + text, words)
