"""How far a treatment's metric is from the control's, and how sure that is: by tea-tasting.

Users were randomised, so users are the sample, whatever the metric: a ratio's variance is that of
the delta method (Deng et al., Applying the Delta Method in Metric Analytics, KDD 2018), a
quantile's interval is that of a bootstrap over users.

CUPED (Deng et al., Improving the Sensitivity of Online Controlled Experiments by Utilizing
Pre-Experiment Data, WSDM 2013) takes from a user's metric what the user's past foretold of it. The
past here is the same column's sum before the experiment; for users without one, new or away, it is
the mean of their like. What is foretold is fitted over all arms together, so no arm gains by it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import tea_tasting as tt
from numpy.typing import NDArray
from tea_tasting.aggr import Aggregates

from recsys.config import Metric
from recsys.experiments.observed import Observed

Floats = NDArray[np.float64]
Interval = tuple[float, float]

_NUM_RESAMPLES = 1_000
_DRAWS_AT_ONCE = 10_000_000
_SEED = 2018


@dataclass(frozen=True)
class Estimate:
    """A treatment against the control. Any figure is NaN where there is too little to tell."""

    control: float
    treatment: float
    difference: float
    """The treatment's less the control's."""
    difference_interval: Interval
    lift: float
    """The difference over the control's."""
    lift_interval: Interval
    p_value: float
    """Two-sided, of no difference; NaN for a quantile, which has an interval alone."""

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval of the difference says which arm has more."""
        low, high = self.difference_interval
        return low > 0 or high < 0


_LEVEL = 0.95
_Z = NormalDist().inv_cdf((1 + _LEVEL) / 2)
_NEITHER = (math.nan, math.nan)
_UNKNOWN = Estimate(math.nan, math.nan, math.nan, _NEITHER, math.nan, _NEITHER, math.nan)


def without_intervals(found: Estimate) -> Estimate:
    """The figures alone, which say nothing of how sure they are."""
    return replace(found, difference_interval=_NEITHER, lift_interval=_NEITHER, p_value=math.nan)


def sums(observed: Observed, metric: Metric) -> dict[str, Floats]:
    """What a metric is made of, a figure a user: `of`, and `per` where it has one, `[num_users]`.

    Raises:
        KeyError: the outcomes have no such column.
    """
    columns = {"of": metric.of, "per": metric.per}
    return {key: observed.daily[name].sum(axis=1) for key, name in columns.items() if name}


def foretold(observed: Observed, metric: Metric) -> dict[str, Floats] | None:
    """What the past foretells of these sums, `[num_users]` each; None where it foretells nothing,
    since nobody has one or all have the same."""
    columns = {"of": metric.of, "per": metric.per}
    values = sums(observed, metric)
    found = {key: _fitted(values[key], observed.before[columns[key]]) for key in values}
    if metric.quantile or not np.ptp(found["of"]):
        return None
    return {f"{key}_foretold": column for key, column in found.items()}


def estimate(
    observed: Observed, metric: Metric, arm: str, level: float, with_past: bool = False
) -> Estimate | None:
    """Compares an arm with the control.

    Args:
        observed: the experiment's users.
        metric: what is compared.
        arm: a treatment.
        level: of the intervals, as 0.95.
        with_past: CUPED.

    Returns:
        None where CUPED is asked for and there is no past.
    """
    columns = sums(observed, metric)
    if metric.quantile:
        return None if with_past else _of_quantile(observed, metric, columns, arm, level)
    if with_past:
        past = foretold(observed, metric)
        if past is None:
            return None
        columns |= past
    return of_sums(columns, observed.arm == 0, observed.arm == observed.arms.index(arm), level)


def of_sums(
    columns: Mapping[str, Floats],
    control: NDArray[np.bool_],
    treatment: NDArray[np.bool_],
    level: float,
) -> Estimate:
    """Compares two arms by Welch's t-test on a mean or on a ratio of means.

    Args:
        columns: as `sums` makes them, and `foretold` for CUPED.
        control: `[num_users]`, who is in it.
        treatment: the same.
        level: of the intervals.
    """
    if min(control.sum(), treatment.sum()) < 2:
        return _UNKNOWN
    return _tested(
        columns, aggregates(columns, control), aggregates(columns, treatment), level, use_t=True
    )


@dataclass(frozen=True)
class Errors:
    """How far apart two arms are, and the standard errors of that."""

    difference: float
    error: float
    """Of the difference."""
    log_error: float
    """Of the log of the ratio of both arms' metrics."""

    @property
    def z(self) -> float:
        """The difference in standard errors; NaN where there is no error."""
        return self.difference / self.error if self.error > 0 else math.nan


def errors(columns: Collection[str], control: Aggregates, treatment: Aggregates) -> Errors:
    """Standard errors of two arms, of which only these figures need be known.

    Args:
        columns: the names of those that `sums` and `foretold` make.
        control: means, variances and covariances of them.
        treatment: the same.
    """
    if min(control.count(), treatment.count()) < 2:
        return Errors(math.nan, math.nan, math.nan)
    found = _tested(columns, control, treatment, _LEVEL, use_t=False)
    above, ratio = 1 + found.lift_interval[1], 1 + found.lift
    has_ratio = above > 0 and ratio > 0 and math.isfinite(above)
    return Errors(
        difference=found.difference,
        error=(found.difference_interval[1] - found.difference) / _Z,
        log_error=math.log(above / ratio) / _Z if has_ratio else math.nan,
    )


def _tested(
    columns: Collection[str],
    control: Aggregates,
    treatment: Aggregates,
    level: float,
    use_t: bool,
) -> Estimate:
    names = ("of", "per", "of_foretold", "per_foretold")
    test = tt.RatioOfMeans(
        *(name if name in columns else None for name in names),
        alternative="two-sided",
        confidence_level=level,
        equal_var=False,
        use_t=use_t,
    )
    # A metric that is zero all over has neither lift nor error; its figures become NaN.
    with np.errstate(divide="ignore", invalid="ignore"):
        found = test.analyze_aggregates(control, treatment)
    return _estimate(found, float(found.pvalue))


def aggregates(columns: Mapping[str, Floats], chosen: NDArray[np.bool_]) -> Aggregates:
    """Means, variances and covariances of some users' columns; of fewer than two, their number
    alone."""
    if chosen.sum() < 2:
        return Aggregates(int(chosen.sum()))
    names = list(columns)
    values = np.stack([columns[name][chosen] for name in names])
    covariance = np.atleast_2d(np.cov(values))
    pairs = [(i, j) for i in range(len(names)) for j in range(i)]
    return Aggregates(
        count_=values.shape[1],
        mean_=dict(zip(names, values.mean(axis=1).tolist(), strict=True)),
        var_=dict(zip(names, covariance.diagonal().tolist(), strict=True)),
        cov_={(names[i], names[j]): float(covariance[i, j]) for i, j in pairs},
    )


def _of_quantile(
    observed: Observed, metric: Metric, columns: Mapping[str, Floats], arm: str, level: float
) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        values = columns["of"] / columns["per"] if "per" in columns else columns["of"]
    tables = [
        pa.table({"value": values[observed.arm == place]})
        for place in (0, observed.arms.index(arm))
    ]
    size = max(map(len, tables))
    test = tt.Quantile(
        "value",
        metric.quantile,
        confidence_level=level,
        n_resamples=_NUM_RESAMPLES,
        batch=max(1, _DRAWS_AT_ONCE // max(size, 1)),
        rng=_SEED,
    )
    return _estimate(test.analyze_granular(*tables), math.nan)


def _estimate(found: Any, p_value: float) -> Estimate:
    return Estimate(
        control=float(found.control),
        treatment=float(found.treatment),
        difference=float(found.effect_size),
        difference_interval=(
            float(found.effect_size_ci_lower),
            float(found.effect_size_ci_upper),
        ),
        lift=float(found.rel_effect_size),
        lift_interval=(
            float(found.rel_effect_size_ci_lower),
            float(found.rel_effect_size_ci_upper),
        ),
        p_value=p_value,
    )


def _fitted(values: Floats, past: Floats) -> Floats:
    """The line through users with a past, and the mean of those without, `[num_users]`."""
    has_past = ~np.isnan(past)
    line = np.zeros_like(values)
    if has_past.any():
        mean = past[has_past].mean()
        away = past[has_past] - mean
        slope = away @ values[has_past] / max(away @ away, np.finfo(float).tiny)
        line[has_past] = values[has_past].mean() + slope * away
    if not has_past.all():
        line[~has_past] = values[~has_past].mean()
    return line
