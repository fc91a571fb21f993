"""What a treatment must not harm: metrics that have to be *shown* to be no worse than the control's
by more than a margin.

That no harm was found proves little where few users were looked at, so the burden of proof is
turned round: a guardrail is held once the one-sided interval of the lift, of level 1 - alpha, lies
wholly on the good side of the margin (non-inferiority of a ratio of means: Laster and Johnson,
Statistics in Medicine, 2003). All guardrails must be held, and a demand that all of several tests
succeed needs no correction for their number (Berger, Technometrics, 1982).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from recsys.config import Metric
from recsys.experiments.estimates import Estimate
from recsys.experiments.metrics import words

Held = Literal["held", "broken", "unclear"]


@dataclass(frozen=True)
class Guardrail:
    """One metric of one treatment."""

    metric: str
    arm: str
    margin: float
    """Share of the control's by which the metric may be worse."""
    estimate: Estimate
    """Its intervals are of level 1 - 2 alpha: each side is one-sided at 1 - alpha."""
    state: Held
    """Shown to be no worse than tolerated; shown to be worse than the control; neither."""
    sentence: str


def guarded(name: str, metric: Metric, arm: str, margin: float, found: Estimate) -> Guardrail:
    """Judges a guardrail.

    Args:
        name: the metric's.
        metric: what it is; its `better` says which way is harm.
        arm: the treatment.
        margin: share of the control's.
        found: with intervals of level 1 - 2 alpha.
    """
    state = _state(metric, margin, found)
    shown = {
        "held": "is no worse than tolerated",
        "broken": "is worse",
        "unclear": "is not shown to be no worse than tolerated",
    }
    sentence = (
        f"{words(name)} of {arm} {shown[state]}: {found.treatment:.4g} against "
        f"{found.control:.4g}, a lift of {found.lift:+.1%}{_interval(found)}; "
        f"{'-' if metric.better == 'more' else '+'}{margin:.0%} is tolerated"
    )
    return Guardrail(name, arm, margin, found, state, sentence)


def _interval(found: Estimate) -> str:
    """Nothing where it is not known, as of a quantile before the end."""
    low, high = found.lift_interval
    return "" if math.isnan(low + high) else f" [{low:+.1%}, {high:+.1%}]"


def _state(metric: Metric, margin: float, found: Estimate) -> Held:
    sign = 1 if metric.better == "more" else -1
    if found.control == found.treatment == 0:
        return "held"
    worst = min(sign * bound for bound in found.lift_interval)
    if not math.isnan(worst) and worst > -margin:
        return "held"
    best = max(sign * bound for bound in found.difference_interval)
    return "broken" if best < 0 else "unclear"
