"""An experiment's whole analysis: health first, then what its users say, then the verdict.

Before the horizon, verdict and guardrails go by always-valid intervals, so whoever stops an
experiment because of them is not fooled by having looked often. A quantile has none, and says
nothing before the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from recsys.config import Experiment, Metric
from recsys.evaluation.multiplicity import holm
from recsys.experiments import health, metrics
from recsys.experiments.estimates import Estimate, estimate, without_intervals
from recsys.experiments.guardrails import Guardrail, guarded
from recsys.experiments.health import Health
from recsys.experiments.observed import Observed
from recsys.experiments.preferred import Preferred, preferred
from recsys.experiments.sequential import Look, looks
from recsys.experiments.slices import SliceEffect, slice_effects
from recsys.experiments.verdict import Verdict, judged


@dataclass(frozen=True)
class Comparison:
    """One metric of one treatment against the control."""

    metric: str
    arm: str
    raw: Estimate
    cuped: Estimate | None
    """With what users' past foretold taken away; None where there is no past to use."""
    adjusted_p_value: float
    """Of the sharper estimate; of the primary metric, held by Holm for all treatments together, of
    the others for all those metrics and treatments together."""

    @property
    def sharper(self) -> Estimate:
        """The estimate to go by."""
        return self.cuped or self.raw


@dataclass(frozen=True)
class Analysis:
    """All that an experiment says; nothing but `health` if its results are withheld."""

    experiment: str
    days: tuple[dt.date, ...]
    health: Health
    comparisons: Sequence[Comparison] = ()
    """The primary metric's first."""
    by_day: Mapping[str, Sequence[Look]] | None = None
    """The primary metric over the days, by treatment, of the sharper estimate."""
    guardrails: Sequence[Guardrail] = ()
    slices: Sequence[SliceEffect] = ()
    verdicts: Sequence[Verdict] = ()
    """One a treatment."""
    preferences: Sequence[Preferred] = ()
    """One an arm that interleaves."""


def analyze(
    name: str, experiment: Experiment, observed: Observed, declared: Mapping[str, Metric]
) -> Analysis:
    """Analyses an experiment, over its horizon or over the days so far.

    Args:
        name: the experiment's.
        experiment: what it is.
        observed: its users.
        declared: the metrics of `[metrics]`.

    Raises:
        BadInput: the outcomes lack a column that a metric is made of.
    """
    used = {metric: metrics.named(metric, declared) for metric in experiment.metric_names}
    metrics.columns_are_there(used, observed.daily)
    found = health.checked(observed, experiment)
    if found.withheld:
        return Analysis(name, observed.days, found)
    everybody = observed
    observed = everybody.in_arms((experiment.control, *experiment.treatments))
    primary = used[experiment.primary]
    others = [metric for metric in experiment.metrics if metric != experiment.primary]
    comparisons = [
        *_compared([experiment.primary], used, observed, experiment),
        *_compared(others, used, observed, experiment),
    ]
    by_day = {
        arm: _by_day(primary, arm, observed, experiment, experiment.alpha)
        for arm in experiment.treatments
    }
    guardrails = [
        _guardrail(metric, used[metric], arm, margin, observed, experiment)
        for metric, margin in experiment.guardrails.items()
        for arm in experiment.treatments
    ]
    return Analysis(
        experiment=name,
        days=observed.days,
        health=found,
        comparisons=comparisons,
        by_day=by_day,
        guardrails=guardrails,
        slices=slice_effects(observed, primary, experiment.alpha, experiment.slices, True),
        verdicts=_verdicts(experiment, primary, comparisons, by_day, guardrails, observed),
        preferences=_preferences(experiment, primary, comparisons, everybody),
    )


def _compared(
    names: Sequence[str], used: Mapping[str, Metric], observed: Observed, experiment: Experiment
) -> list[Comparison]:
    """One family of tests."""
    found = []
    for name in names:
        for arm in experiment.treatments:
            raw = estimate(observed, used[name], arm, 1 - experiment.alpha)
            cuped = estimate(observed, used[name], arm, 1 - experiment.alpha, with_past=True)
            assert raw is not None
            found.append(Comparison(name, arm, raw, cuped, (cuped or raw).p_value))
    adjusted = holm([one.adjusted_p_value for one in found])
    return [
        replace(one, adjusted_p_value=value) for one, value in zip(found, adjusted, strict=True)
    ]


def _by_day(
    metric: Metric, arm: str, observed: Observed, experiment: Experiment, alpha: float
) -> list[Look]:
    """Empty for a quantile, whose bootstrap knows one look only."""
    if metric.quantile:
        return []
    return looks(observed, metric, arm, alpha, experiment.horizon_days, with_past=True)


def _guardrail(
    name: str,
    metric: Metric,
    arm: str,
    margin: float,
    observed: Observed,
    experiment: Experiment,
) -> Guardrail:
    """Before the horizon by the interval that may be looked at every day."""
    level = 1 - 2 * experiment.alpha
    found = estimate(observed, metric, arm, level, with_past=True)
    found = found or estimate(observed, metric, arm, level)
    assert found is not None
    if not is_over(observed, experiment):
        days = _by_day(metric, arm, observed, experiment, 2 * experiment.alpha)
        found = days[-1].always_valid if days else without_intervals(found)
    return guarded(name, metric, arm, margin, found)


def _verdicts(
    experiment: Experiment,
    primary: Metric,
    comparisons: Sequence[Comparison],
    by_day: Mapping[str, Sequence[Look]],
    guardrails: Sequence[Guardrail],
    observed: Observed,
) -> list[Verdict]:
    """At the horizon by the test that looks once, before it by the always-valid one."""
    ended = is_over(observed, experiment)
    found = [one.sharper for one in comparisons if one.metric == experiment.primary]
    if not ended:
        found = [
            by_day[arm][-1].always_valid if by_day[arm] else without_intervals(one)
            for arm, one in zip(experiment.treatments, found, strict=True)
        ]
    adjusted = holm([one.p_value for one in found])
    return [
        judged(
            arm,
            experiment.primary,
            primary,
            one,
            is_decided=one.excludes_zero if primary.quantile else p_value <= experiment.alpha,
            is_over=ended,
            guardrails=[guardrail for guardrail in guardrails if guardrail.arm == arm],
        )
        for arm, one, p_value in zip(experiment.treatments, found, adjusted, strict=True)
    ]


def _preferences(
    experiment: Experiment,
    primary: Metric,
    comparisons: Sequence[Comparison],
    observed: Observed,
) -> list[Preferred]:
    """What users say who met two arms at once."""
    sign = 1 if primary.better == "more" else -1
    gains = {
        one.arm: sign * one.sharper.difference
        for one in comparisons
        if one.metric == experiment.primary
    }
    ended = is_over(observed, experiment)
    found = (preferred(arm, experiment, observed, gains, ended) for arm in experiment.interleaving)
    return [one for one in found if one is not None]


def is_over(observed: Observed, experiment: Experiment) -> bool:
    """Whether the experiment reached its horizon."""
    return len(observed.days) >= experiment.horizon_days
