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
from typing import Self

import numpy as np
from scipy.optimize import brentq
from tea_tasting.aggr import Aggregates

from recsys.config import Experiment, Metric
from recsys.config.experiments import NUM_BUCKETS
from recsys.experiments.estimates import Floats, aggregates, errors, foretold, sums
from recsys.experiments.observed import Observed

POWER = 0.8
"""Chance of finding the least lift."""

_LARGEST_LIFT = 100.0
_MANY = 10_000_000


@dataclass(frozen=True)
class Horizon:
    """An experiment that ends after so many days."""

    num_days: int
    num_users: int
    """In the control and one treatment together."""
    detectable_lift: float
    """Found with chance `POWER`, either way."""


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
    reached = experiment.ramp * (high - low) / NUM_BUCKETS * sum(_shares(experiment))
    horizons = []
    for day in range(len(past.days)):
        then = past.upto(day)
        num_users = int(len(then) * reached)
        test = _Test.of(then, metric, experiment, with_past)
        horizons.append(Horizon(day + 1, num_users, test.detectable_lift(num_users)))
    return horizons


def days_needed(horizons: Sequence[Horizon], lift: float) -> int | None:
    """How long an experiment has to run to find a lift; None if none of the lengths would do."""
    enough = (one.num_days for one in horizons if one.detectable_lift <= abs(lift))
    return next(enough, None)


def users_needed(
    past: Observed, metric: Metric, experiment: Experiment, lift: float, with_past: bool = True
) -> float:
    """How many users in the control and one treatment together find a lift with chance `POWER`,
    each seen for as long as those of the past; infinite where no number does. Arguments as in
    `plan`."""
    test, normal = _Test.of(past, metric, experiment, with_past), NormalDist()
    wanted = normal.inv_cdf(1 - test.alpha / 2) + normal.inv_cdf(POWER)
    # Errors fall with the root of the number of users, so one number tells of all.
    found = test.z(_MANY, lift)
    return math.ceil(_MANY * (wanted / found) ** 2) if found else math.inf


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
    return _Test(columns, ratio, alpha).detectable_lift(num_users)


def predicted_power(
    columns: Mapping[str, Floats], num_users: int, ratio: float, alpha: float, lift: float
) -> float:
    """The chance of finding a lift; arguments as in `detectable_lift`."""
    return _Test(columns, ratio, alpha).power(num_users, lift)


class _Test:
    """The test on the very arms that are expected.

    A treatment that multiplies what users do multiplies how different they are as well, so its
    arm's variance grows with the lift.
    """

    def __init__(self, columns: Mapping[str, Floats], ratio: float, alpha: float) -> None:
        self.alpha = alpha
        self._ratio = ratio
        self._names = tuple(columns)
        self._differ = bool(np.ptp(columns["of"]))
        self._everybody = aggregates(columns, np.ones(len(columns["of"]), bool))

    @classmethod
    def of(cls, past: Observed, metric: Metric, experiment: Experiment, with_past: bool) -> Self:
        """That of an experiment's control with its smallest treatment."""
        control, treatment = _shares(experiment)
        columns = sums(past, metric)
        if with_past:
            columns |= foretold(past, metric) or {}
        alpha = experiment.alpha / len(experiment.treatments)
        return cls(columns, treatment / control, alpha)

    def detectable_lift(self, num_users: int) -> float:
        def lacking(lift: float) -> float:
            return POWER - self.power(num_users, lift)

        if num_users < 4 or not self._differ or lacking(_LARGEST_LIFT) > 0:
            return math.inf
        return float(brentq(lacking, 0.0, _LARGEST_LIFT))

    def power(self, num_users: int, lift: float) -> float:
        normal = NormalDist()
        z, bound = self.z(num_users, lift), normal.inv_cdf(1 - self.alpha / 2)
        return normal.cdf(z - bound) + normal.cdf(-z - bound)

    def z(self, num_users: int, lift: float) -> float:
        """Standard errors that the lift is expected at; 0 where users don't differ."""
        if not self._differ:
            return 0.0
        num_control = num_users / (1 + self._ratio)
        control = self._arm(num_control, 1.0)
        treatment = self._arm(num_users - num_control, 1 + lift)
        return errors(self._names, control, treatment).z

    def _arm(self, num_users: float, times: float) -> Aggregates:
        """So many such users, who do so many times as much."""
        users = self._everybody
        power = {name: times if name == "of" else 1.0 for name in users.mean_}
        return Aggregates(
            count_=round(num_users),
            mean_={name: power[name] * value for name, value in users.mean_.items()},
            var_={name: power[name] ** 2 * value for name, value in users.var_.items()},
            cov_={(a, b): power[a] * power[b] * value for (a, b), value in users.cov_.items()},
        )


def _shares(experiment: Experiment) -> tuple[float, float]:
    """Of the control, and of the smallest treatment."""
    shares = {name: arm.share for name, arm in experiment.arms.items()}
    return shares[experiment.control], min(shares[name] for name in experiment.treatments)
