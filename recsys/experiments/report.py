"""All that is told of an experiment: its analysis, and what a reader needs to believe it. The page
shows it, and the JSON beside the page holds it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from recsys.config import Experiment, Metric
from recsys.config.experiments import NUM_BUCKETS
from recsys.experiments import metrics, power, sources
from recsys.experiments.analysis import Analysis, analyze, is_over
from recsys.experiments.declared import declared
from recsys.experiments.estimates import Estimate, estimate
from recsys.experiments.observed import Observed, observed
from recsys.experiments.population import Population, population
from recsys.experiments.power import Horizon
from recsys.experiments.sources import Source
from recsys.workspace import Workspace


@dataclass(frozen=True)
class Report:
    """An experiment over its horizon, or over the days so far."""

    name: str
    declared: Experiment
    metrics: Mapping[str, Metric]
    """What the names of its metrics stand for."""
    is_over: bool
    """Whether the horizon is reached."""
    analysis: Analysis
    population: Population
    simulation: Mapping[str, Any] | None
    """What is noted of the simulation; None for a real experiment."""
    before: Mapping[str, Estimate]
    """The primary metric on the days before, by treatment, when all arms were served alike; empty
    where there are no such days."""
    horizons: Mapping[str, Sequence[Horizon]]
    """What the experiment could find by the end of each day, `raw` and with `cuped`."""
    num_small_slices: int
    """Values of the dimensions that too few users have to be told apart."""

    @property
    def is_aa(self) -> bool:
        """Whether all arms are served alike, so that any difference is chance."""
        first, *others = (
            arm.model_copy(update={"share": 1.0})
            for arm in self.declared.arms.values()
            if not arm.interleaves
        )
        return all(arm == first for arm in others)

    def values(self) -> dict[str, Any]:
        """As JSON values; null stands where a figure is not a number."""
        values: dict[str, Any] = json.loads(_VALUES.dump_json(self))
        return values


_VALUES = TypeAdapter(Report)


def report(
    workspace: Workspace,
    name: str,
    exposures: Path | None = None,
    outcomes: Path | None = None,
    until: dt.date | None = None,
) -> Report:
    """Analyses an experiment of a workspace; arguments as in `recsys.experiments.sources.read`.

    Raises:
        BadInput: it isn't declared, nobody was exposed, or days or columns are missing.
    """
    experiment = declared(workspace.config, name)
    source = sources.read(workspace, name, experiment, exposures, outcomes, until)
    return of_source(name, experiment, source, workspace.config.metrics)


def of_source(
    name: str, experiment: Experiment, source: Source, declared_metrics: Mapping[str, Metric]
) -> Report:
    """Analyses an experiment whose tables are at hand."""
    users = observed(name, experiment, source.exposures, source.outcomes, source.users)
    analysis = analyze(name, experiment, users, declared_metrics)
    used = {metric: metrics.named(metric, declared_metrics) for metric in experiment.metric_names}
    primary = used[experiment.primary]
    shown = {(one.dimension, one.value) for one in analysis.slices}
    may_be_read = not analysis.health.withheld
    compared = users.in_arms((experiment.control, *experiment.treatments))
    return Report(
        name=name,
        declared=experiment,
        metrics=used,
        is_over=is_over(users, experiment),
        analysis=analysis,
        population=population(name, users, source.exposures),
        simulation=source.simulation,
        before=_before(compared, primary, experiment) if may_be_read else {},
        horizons=_horizons(compared, primary, experiment) if may_be_read else {},
        num_small_slices=_num_slices(users) - len(shown),
    )


def _before(users: Observed, primary: Metric, experiment: Experiment) -> dict[str, Estimate]:
    """A comparison of the arms that must find nothing: on the days when they were one."""
    has_past = ~np.isnan(next(iter(users.before.values())))
    past = users.where(has_past)
    if not len(past):
        return {}
    sums = {name: values[:, None] for name, values in past.before.items()}
    as_a_day = replace(past, days=past.days[:1], daily=sums)
    found = {
        arm: estimate(as_a_day, primary, arm, 1 - experiment.alpha) for arm in experiment.treatments
    }
    return {arm: one for arm, one in found.items() if one is not None}


def _horizons(users: Observed, primary: Metric, experiment: Experiment) -> dict[str, list[Horizon]]:
    """These users are those that the experiment has got, whatever its ramp and buckets let in."""
    if primary.quantile:
        return {}
    whole = experiment.model_copy(update={"ramp": 1.0, "buckets": (0, NUM_BUCKETS)})
    found = {"raw": power.plan(users, primary, whole, with_past=False)}
    cuped = power.plan(users, primary, whole)
    return found | ({"cuped": cuped} if cuped != found["raw"] else {})


def _num_slices(users: Observed) -> int:
    return sum(len(np.unique(values)) for values in users.dimensions.values())
