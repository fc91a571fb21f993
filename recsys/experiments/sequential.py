"""Results that may be looked at every day: intervals that hold on all days together.

A 95 % interval is wrong on one day in twenty; looked at on fourteen days, one of them is wrong far
more often. These intervals are wider, and the chance that any of them is ever wrong stays below
alpha: a confidence sequence by Robbins' normal mixture (Annals of Mathematical Statistics, 1970),
whose other face is the mixture sequential probability ratio test of Johari et al. (Peeking at A/B
Tests, KDD 2017). Variances are estimated, so it holds asymptotically in the number of users
(Waudby-Smith et al., Annals of Statistics 52, 2024).

With S a sum whose mean is 0 if the arms are alike, V its variance and rho a constant, S never
leaves +- sqrt((V + rho) log((V + rho) / (rho alpha^2))) with chance 1 - alpha.

**What the sum is.** The same users are seen again each day, so a day's data aren't a new sample.
Here S is the difference of the arms' running totals, and V its variance as the users' own running
totals give it, within-user correlation included. The boundary wants increments that are
uncorrelated; those of users who keep their habits are positively correlated, and then S crosses
less often (Slepian, Bell System Technical Journal, 1962), so the promise holds. To count each
day's users as new ones would break it.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.config import Metric
from recsys.experiments.estimates import (
    Errors,
    Estimate,
    Interval,
    aggregates,
    errors,
    foretold,
    of_sums,
    sums,
)
from recsys.experiments.observed import Observed

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """An experiment as it looked at the end of one of its days."""

    day: dt.date
    num_users: int
    """Exposed by then, in both arms."""
    once: Estimate
    """With the intervals and the p-value of someone who looks on this day alone."""
    always_valid: Estimate
    """With intervals of which, with chance 1 - alpha, those of all days hold, and a p-value that
    may be held against alpha on every day."""


def looks(
    observed: Observed,
    metric: Metric,
    arm: str,
    alpha: float,
    horizon_days: int,
    with_past: bool = False,
) -> list[Look]:
    """A treatment against the control, on each day so far.

    Args:
        observed: the experiment's users.
        metric: a mean or a ratio.
        arm: a treatment.
        alpha: the chance that any of the always-valid intervals is wrong.
        horizon_days: when the always-valid intervals are narrowest.
        with_past: CUPED, where there is a past.
    """
    by_day = [observed.upto(day) for day in range(len(observed.days))]
    found = [_at(one, metric, arm, alpha, with_past) for one in by_day]
    z = np.array([look.errors.z for look in found])
    times = clock(np.array([look.variance for look in found]), horizon_days, alpha)
    bounds = critical_values(times, alpha)
    p_values = always_valid_p_values(z, times)
    return [
        Look(one.days[-1], look.num_users, look.once, look.widened(bound, float(p_value)))
        for one, look, bound, p_value in zip(by_day, found, bounds, p_values, strict=True)
    ]


def best_time(alpha: float) -> float:
    """V / rho at which the boundary is lowest for its V, to a few per cent (Howard et al.,
    Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of Statistics 49, 2021,
    section 3.5; in closed form in their package confseq)."""
    return -2 * math.log(alpha) + math.log1p(-2 * math.log(alpha))


def clock(variances: Floats, horizon_days: int, alpha: float) -> Floats:
    """V / rho on each day, `[num_days]`; NaN before the first day with a variance.

    rho must not depend on what comes later. It is such that `best_time` falls on the horizon if
    the variance grows evenly from the first day on.
    """
    times = np.full(len(variances), np.nan)
    started = np.flatnonzero(variances > 0)
    if len(started):
        first = int(started[0])
        growth = np.fmax.accumulate(variances[first:]) / variances[first]
        times[first:] = growth * best_time(alpha) * (first + 1) / horizon_days
    return times


def critical_values(times: Floats, alpha: float) -> Floats:
    """How many standard errors are never exceeded, with chance 1 - alpha, at these V / rho."""
    values: Floats = np.sqrt((1 + 1 / times) * (np.log1p(times) - 2 * math.log(alpha)))
    return values


def log_mixture(z: Floats, times: Floats) -> Floats:
    """The log of the mixture's likelihood ratio at a number of standard errors."""
    values: Floats = -np.log1p(times) / 2 + z**2 * times / (2 * (1 + times))
    return values


def always_valid_p_values(z: Floats, times: Floats) -> Floats:
    """The least that the inverse of the ratio has been so far, at most 1, `[num_days]`."""
    inverse = np.exp(-np.maximum(np.nan_to_num(log_mixture(z, times)), 0.0))
    values: Floats = np.minimum.accumulate(inverse)
    return values


@dataclass(frozen=True)
class _Look:
    num_users: int
    once: Estimate
    errors: Errors
    variance: float
    """Of the difference of the arms' running totals."""

    def widened(self, bound: float, p_value: float) -> Estimate:
        """The estimate with intervals of so many standard errors."""
        difference, reach = self.once.difference, bound * self.errors.error
        return replace(
            self.once,
            difference_interval=(difference - reach, difference + reach),
            lift_interval=self._lift_interval(bound * self.errors.log_error),
            p_value=p_value,
        )

    def _lift_interval(self, reach: float) -> Interval:
        if not reach < math.log(np.finfo(float).max):
            return (math.nan, math.nan)
        ratio = 1 + self.once.lift
        return (ratio * math.exp(-reach) - 1, ratio * math.exp(reach) - 1)


def _at(observed: Observed, metric: Metric, arm: str, alpha: float, with_past: bool) -> _Look:
    columns = sums(observed, metric)
    if with_past:
        columns |= foretold(observed, metric) or {}
    control, treatment = observed.arm == 0, observed.arm == observed.arms.index(arm)
    found = errors(columns, aggregates(columns, control), aggregates(columns, treatment))
    num_control, num_treatment = int(control.sum()), int(treatment.sum())
    num_users = num_control + num_treatment
    size = num_control * num_treatment / num_users if num_users else math.nan
    scale = float(columns["per"].mean()) if "per" in columns and num_users else 1.0
    return _Look(
        num_users=num_users,
        once=of_sums(columns, control, treatment, 1 - alpha),
        errors=found,
        variance=(size * scale * found.error) ** 2,
    )
