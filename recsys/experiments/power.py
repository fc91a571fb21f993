"""Before an experiment: the least lift that it would find, and how long it has to run.

Both are made of the users' own past: how many come by within so many days, and how different they
are. More days bring more users, but also more of what differs between them; a past that foretells
them (CUPED) takes some of that away again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import brentq
from tea_tasting.aggr import Aggregates

from recsys.config import Experiment, Metric
from recsys.config.experiments import NUM_BUCKETS
from recsys.experiments.estimates import Floats, aggregates, errors, foretold, sums
from recsys.experiments.observed import Observed
from recsys.experiments.tables import EXPOSURES
from recsys.tables import TIME

POWER = 0.8
"""Chance of finding the least lift."""

_LARGEST_LIFT = 100.0


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
    """The least lift that is found with chance `POWER`; infinite where no lift is.

    Args:
        columns: of users like those to come, as `recsys.experiments.estimates.sums` makes them.
        num_users: in the control and the treatment together.
        ratio: the treatment's users for each of the control's.
        alpha: of the two-sided test.
    """

    def lacking(lift: float) -> float:
        return POWER - predicted_power(columns, num_users, ratio, alpha, lift)

    if num_users < 4 or not np.ptp(columns["of"]) or lacking(_LARGEST_LIFT) > 0:
        return math.inf
    return float(brentq(lacking, 0.0, _LARGEST_LIFT))


def predicted_power(
    columns: Mapping[str, Floats], num_users: int, ratio: float, alpha: float, lift: float
) -> float:
    """The chance of finding a lift: the test on the very arms that are expected.

    A treatment that multiplies what users do multiplies how different they are as well, so its
    arm's variance grows with the lift. Arguments as in `detectable_lift`.
    """
    everybody = aggregates(columns, np.ones(len(columns["of"]), bool))
    num_control = num_users / (1 + ratio)
    control = _expected(everybody, num_control, 1.0)
    treatment = _expected(everybody, num_users - num_control, 1 + lift)
    normal = NormalDist()
    z, bound = errors(columns, control, treatment).z, normal.inv_cdf(1 - alpha / 2)
    return normal.cdf(z - bound) + normal.cdf(-z - bound)


def _expected(users: Aggregates, num_users: float, times: float) -> Aggregates:
    """An arm of so many such users, who do so many times as much."""
    power = {name: times if name == "of" else 1.0 for name in users.mean_}
    return Aggregates(
        count_=round(num_users),
        mean_={name: power[name] * value for name, value in users.mean_.items()},
        var_={name: power[name] ** 2 * value for name, value in users.var_.items()},
        cov_={(a, b): power[a] * power[b] * value for (a, b), value in users.cov_.items()},
    )


def _columns(past: Observed, metric: Metric, with_past: bool) -> dict[str, Floats]:
    columns = sums(past, metric)
    if with_past:
        columns |= foretold(past, metric) or {}
    return columns
