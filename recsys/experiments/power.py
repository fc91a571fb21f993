"""Before an experiment: the least lift that it would find, and how long it has to run.

Both are made of the users' own past: how many come by within so many days, and how different they
are. More days bring more users, but also more of what differs between them; a past that foretells
them (CUPED) takes some of that away again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tea_tasting as tt

from recsys.config import Experiment, Metric
from recsys.config.experiments import NUM_BUCKETS
from recsys.experiments.estimates import Floats, aggregates, foretold, sums
from recsys.experiments.observed import Observed
from recsys.experiments.tables import EXPOSURES
from recsys.tables import TIME

POWER = 0.8
"""Chance of finding the least lift."""


@dataclass(frozen=True)
class Horizon:
    """An experiment that ends after so many days."""

    num_days: int
    num_users: int
    """In the control and one treatment together."""
    detectable_lift: float
    """Found with chance `POWER`, either way."""


def as_if_exposed(name: str, experiment: Experiment, outcomes: pa.Table) -> pa.Table:
    """Exposures of days gone by, as if all users had been in the control since the first day on
    which they did something: what `recsys.experiments.observed.observed` makes a past of.

    Args:
        name: the experiment's.
        experiment: what it would be.
        outcomes: as `recsys.experiments.tables.OUTCOMES`, from the first such day on.
    """
    first = outcomes.group_by("user_id").aggregate([("day", "min")])
    num = len(first)
    columns = {
        "user_id": first["user_id"],
        "experiment": pa.repeat(name, num),
        "arm": pa.repeat(experiment.control, num),
        "bundle": pa.nulls(num, pa.string()),
        "time": pc.cast(first["day_min"], TIME),
    }
    return pa.table(columns, schema=EXPOSURES)


def plan(
    past: Observed, metric: Metric, experiment: Experiment, with_past: bool = True
) -> list[Horizon]:
    """What each length of an experiment would find, one day after the other.

    Args:
        past: days gone by, of all users who would be eligible; everybody may be in one arm.
        metric: a mean or a ratio.
        experiment: its shares, its ramp and its buckets say how many users it gets.
        with_past: with CUPED, where those users have a past.
    """
    low, high = experiment.buckets
    reached = experiment.ramp * (high - low) / NUM_BUCKETS
    control = experiment.arms[experiment.control].share
    treatment = min(experiment.arms[name].share for name in experiment.treatments)
    alpha = experiment.alpha / len(experiment.treatments)
    horizons = []
    for day in range(len(past.days)):
        then = past.upto(day)
        num_users = int(len(then) * reached * (control + treatment))
        lift = detectable_lift(
            _columns(then, metric, with_past), num_users, treatment / control, alpha
        )
        horizons.append(Horizon(day + 1, num_users, lift))
    return horizons


def days_needed(horizons: Sequence[Horizon], lift: float) -> int | None:
    """How long an experiment has to run to find a lift; None if none of the lengths would do."""
    enough = (one.num_days for one in horizons if one.detectable_lift <= abs(lift))
    return next(enough, None)


def detectable_lift(
    columns: Mapping[str, Floats], num_users: int, ratio: float, alpha: float
) -> float:
    """The least lift that is found with chance `POWER`.

    Args:
        columns: of users like those to come, as `recsys.experiments.estimates.sums` makes them.
        num_users: in the control and the treatment together.
        ratio: the treatment's users for each of the control's.
        alpha: of the two-sided test.
    """
    if num_users < 4 or not np.ptp(columns["of"]):
        return float("inf")
    test = _test(columns, ratio, alpha, n_obs=num_users, power=POWER)
    everybody = np.ones(len(columns["of"]), bool)
    found = test.solve_power_from_aggregates(aggregates(columns, everybody), "rel_effect_size")
    return float(found[0].rel_effect_size)


def predicted_power(
    columns: Mapping[str, Floats], num_users: int, ratio: float, alpha: float, lift: float
) -> float:
    """The chance of finding a lift; arguments as in `detectable_lift`."""
    test = _test(columns, ratio, alpha, n_obs=num_users, rel_effect_size=lift)
    everybody = np.ones(len(columns["of"]), bool)
    found = test.solve_power_from_aggregates(aggregates(columns, everybody), "power")
    return float(found[0].power)


def _test(columns: Mapping[str, Floats], ratio: float, alpha: float, **given: Any) -> Any:
    names = ("of", "per", "of_foretold", "per_foretold")
    present = [name if name in columns else None for name in names]
    return tt.RatioOfMeans(*present, alpha=alpha, ratio=ratio, equal_var=False, **given)


def _columns(past: Observed, metric: Metric, with_past: bool) -> dict[str, Floats]:
    columns = sums(past, metric)
    if with_past:
        columns |= foretold(past, metric) or {}
    return columns
