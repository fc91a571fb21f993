"""The tables and forest plots of an experiment's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recsys.config import Arm, Metric
from recsys.experiments.analysis import Comparison
from recsys.experiments.estimates import Estimate
from recsys.experiments.guardrails import Guardrail
from recsys.experiments.metrics import words
from recsys.experiments.preferred import Preferred
from recsys.experiments.report import Report
from recsys.experiments.slices import SliceEffect
from recsys.reports import figures
from recsys.reports.forest import Forest, Mark, Row, forest

_SIGNS = {"held": "✓ held", "broken": "✕ broken", "unclear": "! not shown"}
_TONES = {"held": "", "broken": "error", "unclear": "warning"}


def lifts(report: Report) -> Forest:
    """The primary metric of every treatment, as each way of estimating has it."""
    compared = [one for one in report.analysis.comparisons if one.metric == report.declared.primary]
    rows = [row for one in compared for row in _ways(report, one)]
    return forest(("estimate", "control", "treatment", "p"), [("lift, %", 0.0)], rows)


def _ways(report: Report, compared: Comparison) -> Iterator[Row]:
    prefix = f"{compared.arm}: " if len(report.declared.treatments) > 1 else ""
    yield _estimated(f"{prefix}raw", compared.raw)
    if compared.cuped:
        yield _estimated(f"{prefix}CUPED", compared.cuped)
    looks = (report.analysis.by_day or {}).get(compared.arm)
    if looks:
        yield _estimated(f"{prefix}always-valid", looks[-1].always_valid)


def _estimated(name: str, found: Estimate) -> Row:
    cells = (*_both(found), figures.p_value(found.p_value))
    return Row(name, cells, (mark(found),))


def guardrails(report: Report) -> Forest:
    """All of them, those that aren't held first."""
    order = {"broken": 0, "unclear": 1, "held": 2}
    found = sorted(report.analysis.guardrails, key=lambda one: order[one.state])
    return forest(
        ("guardrail", "control", "treatment", "state"),
        [("lift, %; tolerated", 0.0)],
        [_guardrail(report, one) for one in found],
    )


def _guardrail(report: Report, one: Guardrail) -> Row:
    sign = -1 if report.metrics[one.metric].better == "more" else 1
    return Row(
        name=_named(report, words(one.metric), one.arm),
        cells=(*_both(one.estimate), _SIGNS[one.state]),
        marks=(mark(one.estimate, beside=sign * one.margin),),
        tone=_TONES[one.state],
    )


def slices(report: Report) -> Forest:
    """The primary metric on the parts of the users, beside its lift on all."""
    whole = {
        one.arm: one.sharper.lift
        for one in report.analysis.comparisons
        if one.metric == report.declared.primary
    }
    rows = [_slice(report, one, whole[one.arm]) for one in report.analysis.slices]
    return forest(("slice", "users", "p"), [("lift, %; of all users", 0.0)], rows)


def _slice(report: Report, one: SliceEffect, whole: float) -> Row:
    return Row(
        name=_named(report, f"{words(one.dimension)} {one.value}", one.arm),
        cells=(figures.count(one.num_users), figures.p_value(one.adjusted_p_value)),
        marks=(mark(one.estimate, beside=whole),),
    )


def preferences(report: Report) -> Forest:
    """What users prefer who met two arms on the same pages."""
    rows = [_preference(one) for one in report.analysis.preferences]
    columns = ("interleaved", "users", "prefer it", "prefer the other", "p")
    return forest(columns, [("of those who prefer one, %", 50.0)], rows)


def _preference(one: Preferred) -> Row:
    found = one.preference
    low, high = one.share_interval
    nums = sorted((found.num_first, found.num_second), reverse=True)
    text = f"{one.share:.1%}"
    return Row(
        name=words(f"{one.winner or one.second} over {one.loser or one.first}"),
        cells=(
            *map(figures.count, (found.num_users, *nums)),
            figures.p_value(found.sign_p_value),
        ),
        marks=(
            Mark(
                value=100 * one.share,
                interval=(100 * low, 100 * high),
                beside=None,
                text=text,
                words=f"{text} [{low:.1%}, {high:.1%}]",
            ),
        ),
    )


def _named(report: Report, name: str, arm: str) -> str:
    return f"{name}, {arm}" if len(report.declared.treatments) > 1 else name


def mark(found: Estimate, beside: float | None = None) -> Mark:
    """A lift in percent, with its interval."""
    text = figures.change(found.lift)
    low, high = found.lift_interval
    told = f"{text} {figures.change_interval(found.lift_interval)}"
    if beside is not None:
        told += f", beside {figures.change(beside)}"
    return Mark(
        value=100 * found.lift,
        interval=(100 * low, 100 * high),
        beside=None if beside is None else 100 * beside,
        text=text,
        words=told,
    )


def _both(found: Estimate) -> tuple[str, str]:
    return figures.figure(found.control), figures.figure(found.treatment)


@dataclass(frozen=True)
class MetricRow:
    """One metric of one treatment."""

    words: str
    compared: Comparison
    better: Literal["more", "less"]
    tone: Literal["good", "error", ""]
    """Where the difference is beyond chance among all these tests."""
    is_primary: bool


def metric_rows(report: Report) -> list[MetricRow]:
    """All metrics that are told, the primary one first."""
    return [
        MetricRow(
            words=_named(report, words(one.metric), one.arm),
            compared=one,
            better=report.metrics[one.metric].better,
            tone=_tone(report.metrics[one.metric], one, report.declared.alpha),
            is_primary=one.metric == report.declared.primary,
        )
        for one in report.analysis.comparisons
    ]


def _tone(metric: Metric, compared: Comparison, alpha: float) -> Literal["good", "error", ""]:
    found = compared.sharper
    if metric.quantile:
        is_beyond_chance = found.excludes_zero
    else:
        is_beyond_chance = compared.adjusted_p_value <= alpha
    if not is_beyond_chance:
        return ""
    return "good" if (found.difference > 0) == (metric.better == "more") else "error"


@dataclass(frozen=True)
class ArmRow:
    """One arm, as it was dealt and as it is."""

    name: str
    share: float
    num_users: int
    found_share: float
    makes: str
    """What was declared to make its pages."""
    served: Sequence[tuple[str, str, int]]
    """Bundles that did: version, link to its page or "", and users."""


def arm_rows(report: Report, links: Mapping[str, str]) -> list[ArmRow]:
    """The arms, the control first.

    Args:
        report: the experiment.
        links: to the pages of bundles, by version, where there are such pages.
    """
    num_users = report.analysis.health.num_users
    total = sum(num_users.values())
    rows = []
    for name, num in num_users.items():
        arm = report.declared.arms[name]
        served = [one for one in report.population.served if one.arm == name and one.bundle]
        rows.append(
            ArmRow(
                name=name,
                share=arm.share,
                num_users=num,
                found_share=num / total if total else 0.0,
                makes=arm.bundle or arm.policy or _both_make(arm) or "the bundle that serves",
                served=[(str(o.bundle), links.get(str(o.bundle), ""), o.num_users) for o in served],
            )
        )
    return rows


def _both_make(arm: Arm) -> str:
    return f"{' and '.join(arm.interleaves)} in turns" if arm.interleaves else ""
