"""What an evaluation found, as plain values that read back from JSON.

Each metric is one of several systems, all on the same users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator

from recsys.evaluation.intervals import Floats, Ratio, interval, resampled
from recsys.evaluation.metrics import METRICS

Number = Annotated[float, BeforeValidator(lambda value: float("nan") if value is None else value)]
"""A float; JSON knows no NaN and has null in its place."""
Interval = tuple[Number, Number]
Covariance = tuple[tuple[Number, Number], tuple[Number, Number]]


System = Literal["candidate", "baseline", "most_popular"]
"""What is measured: the candidate model, the bundle that serves now, the most popular apps."""


@dataclass(frozen=True)
class Estimate:
    """A figure, and how sure it is."""

    value: Number
    interval: Interval | None = None
    """95 %, by resampling users; None where the figure is none of a sample of users."""


@dataclass(frozen=True)
class Comparison:
    """One metric of everything that has it."""

    candidate: Estimate
    baseline: Estimate | None = None
    most_popular: Estimate | None = None
    change: Estimate | None = None
    """The candidate model's less the baseline's, paired: the same resamples of the same users."""
    covariance: Covariance | None = None
    """Of the candidate model's and the baseline's estimates."""

    @staticmethod
    def of(estimates: Mapping[System, Estimate]) -> Comparison:
        """Of every system that has the metric, with nothing said of the change."""
        return Comparison(
            estimates["candidate"], estimates.get("baseline"), estimates.get("most_popular")
        )


@dataclass(frozen=True)
class MeasuredSlice:
    """Some users, apps or impressions, and what was measured on them."""

    values: Mapping[str, str]
    """The value of each dimension that it is made by."""
    num_users: int
    """Who installed something of the slice in the days kept out."""
    num_impressions: int
    num_installs: int
    """Of the impressions, those that were installed."""
    metrics: Mapping[str, Comparison]
    """Those that there is enough of; none where the slice is too small to judge."""

    @property
    def name(self) -> str:
        """The slice in words."""
        return ", ".join(f"{dimension} = {value}" for dimension, value in self.values.items())


@dataclass(frozen=True)
class CalibrationBucket:
    """Impressions of nearly the same score."""

    num_impressions: int
    predicted: Number
    """The mean score."""
    observed: Estimate
    """The share that was installed."""


@dataclass(frozen=True)
class Counts:
    """How much was looked at."""

    num_users: int
    """Who installed something in the days kept out: pages and retrieval are measured on them."""
    num_impression_users: int = 0
    """Who was shown something in them: ranking is measured on their impressions. 0, as everything
    below, where every impression was installed, and there is nothing to tell apart."""
    num_impressions: int = 0
    num_installs: int = 0
    """Of the impressions, those that were installed."""
    num_one_class_users: int = 0
    """Users whose impressions are all of one class, which grouped AUC leaves out."""


@dataclass(frozen=True)
class Measured:
    """All that was measured: what the verdict looks at, and what a report shows."""

    k: int
    retrieval_k: int
    has_baseline: bool
    counts: Counts
    metrics: Mapping[str, Comparison]
    """Overall, by the names of `recsys.evaluation.metrics`."""
    slices: Sequence[MeasuredSlice]
    calibration: Mapping[System, Sequence[CalibrationBucket]]

    def words(self, name: str) -> str:
        """What a metric is called."""
        return METRICS[name].words.format(k=self.k, retrieval_k=self.retrieval_k)


def compare(
    ratios: Mapping[System, Mapping[str, Ratio]], seed: int, num_resamples: int
) -> dict[str, Comparison]:
    """Each metric that the candidate model has, of every system that has it, all on the same users
    and the same resamples of them."""
    every = {(system, name): ratio for system, of in ratios.items() for name, ratio in of.items()}
    if not every:
        return {}
    columns = resampled(list(every.values()), seed, num_resamples).T
    values = dict(zip(every, columns, strict=True))
    estimates = {key: Estimate(every[key].value, interval(values[key])) for key in every}
    return {
        name: _with_change(
            Comparison.of(
                {system: estimates[system, name] for system in ratios if name in ratios[system]}
            ),
            values["candidate", name],
            values.get(("baseline", name)),
        )
        for name in ratios["candidate"]
    }


def _with_change(compared: Comparison, mine: Floats, theirs: Floats | None) -> Comparison:
    if theirs is None or compared.baseline is None:
        return compared
    change = Estimate(compared.candidate.value - compared.baseline.value, interval(mine - theirs))
    (cc, cb), (bc, bb) = np.cov(mine, theirs).tolist()
    return replace(compared, change=change, covariance=((cc, cb), (bc, bb)))
