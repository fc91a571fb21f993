"""What a candidate model must satisfy, one figure at a time.

A *value* check holds a figure against a fixed threshold. A person chose it and can move it, so the
figure itself is what counts, as with TFX's value thresholds. What the most popular apps reach is
no fixed threshold but a figure of the same users: there the upper end of the interval counts.

A *change* check holds a figure against that of the bundle that serves now. It fails only where the
users measured are evidence that the change is worse than tolerated: a one-sided test, with the
covariance that resampling users gave both figures and the normal distribution's tail.

A NaN is never good enough: each comparison is written so that it fails on one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist
from typing import Literal

from recsys.config import Evaluation
from recsys.evaluation.multiplicity import holm
from recsys.evaluation.results import Comparison, Interval, Measured, Number

_Kind = Literal["share lost", "lost", "share gained"]


@dataclass(frozen=True)
class Check:
    """One thing that a candidate model must satisfy."""

    kind: Literal["value", "change"]
    metric: str
    """By the names of `recsys.evaluation.metrics`."""
    slice: str
    """In words; empty for everything together."""
    measured: Number
    required: str
    """In words: at least 0.5."""
    bound: Number
    """The worst figure that is good enough."""
    interval: Interval | None
    """95 %: of the figure for a value, of the difference from the baseline's for a change."""
    p_value: Number | None
    """For a change, the chance of so bad a figure if the truth were exactly what is tolerated."""
    passed: bool
    sentence: str

    @property
    def chance(self) -> float:
        """The p-value; 0 where there is no number, which has no chance of being good enough."""
        return 0.0 if self.p_value is None or math.isnan(self.p_value) else self.p_value


@dataclass(frozen=True)
class Tolerance:
    """How much worse than the baseline's a metric may be."""

    kind: _Kind
    """A share of the baseline's may be lost; so much may be lost; or, where less is better, a share
    may be gained."""
    amount: float

    @property
    def side(self) -> Literal["at least", "at most"]:
        """On which side of the limit a figure is good."""
        return "at most" if self.kind == "share gained" else "at least"

    @property
    def slope(self) -> float:
        """How fast the worst tolerated figure moves with the baseline's."""
        slopes = {"share lost": 1 - self.amount, "lost": 1.0, "share gained": 1 + self.amount}
        return slopes[self.kind]

    def limit(self, baseline: float) -> float:
        """The worst tolerated figure."""
        return self.slope * baseline - (self.amount if self.kind == "lost" else 0.0)

    def p_value(self, compared: Comparison) -> float:
        """The chance of a figure as bad as the candidate model's or worse, if the truth were at
        the limit; NaN where a figure is."""
        assert compared.baseline is not None and compared.covariance is not None
        (mine, both), (_, theirs) = compared.covariance
        slope = self.slope
        error = math.sqrt(max(mine - 2 * slope * both + slope**2 * theirs, 0.0))
        margin = compared.candidate.value - self.limit(compared.baseline.value)
        margin = -margin if self.side == "at most" else margin
        if math.isnan(margin) or math.isnan(mine + both + theirs):
            return math.nan
        if error == 0:
            return 1.0 if margin >= 0 else 0.0
        return NormalDist().cdf(margin / error)


def tolerances(thresholds: Evaluation, times: float = 1.0) -> dict[str, Tolerance]:
    """Of the metrics that are held against the baseline's, so many times as large."""
    kinds: Mapping[str, tuple[_Kind, float]] = {
        "page_recall": ("share lost", thresholds.max_recall_drop),
        "page_ndcg": ("share lost", thresholds.max_ndcg_drop),
        "retrieval_recall": ("share lost", thresholds.max_retrieval_recall_drop),
        "ranking_auc": ("lost", thresholds.max_auc_drop),
        "ranking_log_loss": ("share gained", thresholds.max_log_loss_rise),
    }
    return {name: Tolerance(kind, times * amount) for name, (kind, amount) in kinds.items()}


def value_checks(measured: Measured, thresholds: Evaluation) -> Iterator[Check]:
    """Figures against fixed thresholds, those of ranking only where it was measured."""
    at_least, at_most = partial(_value, measured, "at least"), partial(_value, measured, "at most")
    popular = measured.metrics["page_recall"].most_popular
    assert popular is not None
    yield _over_popular(measured, popular.value, thresholds.min_recall_over_popular)
    if thresholds.min_retrieval_recall:
        yield at_least("retrieval_recall", thresholds.min_retrieval_recall)
    yield at_least("ann_recall", thresholds.min_ann_recall)
    if "ranking_auc" in measured.metrics:
        yield at_most("ranking_unscored", 0.0)
        yield at_least("ranking_auc", thresholds.min_ranking_auc)
        yield at_most("ranking_auc", thresholds.max_ranking_auc)
        yield at_most("ranking_normalised_entropy", thresholds.max_normalised_entropy)
        yield at_least("ranking_calibration", 1 / thresholds.max_miscalibration)
        yield at_most("ranking_calibration", thresholds.max_miscalibration)


def change_checks(
    measured: Measured, on: str, metrics: Mapping[str, Comparison], bounds: Mapping[str, Tolerance]
) -> Iterator[Check]:
    """Figures, on a slice or on everything together, against the baseline's; none without one.

    `held_to` says which of them fail, since it sees all.
    """
    for name, tolerance in bounds.items():
        compared = metrics.get(name)
        if compared is None or compared.baseline is None or compared.change is None:
            continue
        figure, limit = compared.candidate.value, tolerance.limit(compared.baseline.value)
        required = f"{tolerance.side} {limit:.4f}"
        low, high = compared.change.interval or (math.nan, math.nan)
        where = f"on {on}, " if on else ""
        yield Check(
            kind="change",
            metric=name,
            slice=on,
            measured=figure,
            required=required,
            bound=limit,
            interval=compared.change.interval,
            p_value=tolerance.p_value(compared),
            passed=True,
            sentence=(
                f"{where}{measured.words(name)} is {figure:.4f} against "
                f"{compared.baseline.value:.4f} of the bundle that serves now, a change of "
                f"{compared.change.value:+.4f} [{low:+.4f}, {high:+.4f}]; {required} is tolerated"
            ),
        )


def held_to(significance: float, checks: Sequence[Check]) -> list[Check]:
    """Change checks of one family, decided so that the chance of failing any that is as bad as
    tolerated, and no worse, is at most `significance`, however many they are (Holm, Scandinavian
    Journal of Statistics, 1979)."""
    chances = holm([check.chance for check in checks])
    return [
        check if chance > significance else replace(check, passed=False)
        for check, chance in zip(checks, chances, strict=True)
    ]


def _over_popular(measured: Measured, popular: float, times: float) -> Check:
    """Fails only where the users are evidence that the page finds less."""
    estimate = measured.metrics["page_recall"].candidate
    reached = estimate.value if estimate.interval is None else estimate.interval[1]
    within = "" if estimate.interval is None else ", within its 95 % interval"
    theirs = f"{times:g} times the {popular:.4f} of the most popular apps{within},"
    check = _value(measured, "at least", "page_recall", times * popular, theirs)
    return replace(check, passed=reached >= check.bound)


def _value(
    measured: Measured,
    side: Literal["at least", "at most"],
    name: str,
    bound: float,
    bound_in_words: str = "",
) -> Check:
    estimate = measured.metrics[name].candidate
    figure = estimate.value
    required = f"{side} {bound_in_words or f'{bound:.4g}'}"
    return Check(
        kind="value",
        metric=name,
        slice="",
        measured=figure,
        required=required,
        bound=bound,
        interval=estimate.interval,
        p_value=None,
        passed=figure >= bound if side == "at least" else figure <= bound,
        sentence=f"{measured.words(name)} is {figure:.4g}; {required} is required",
    )
