"""What a decision maker is told of a treatment: one of five words, and the sentence to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from recsys.config import Metric
from recsys.experiments.estimates import Estimate
from recsys.experiments.guardrails import Guardrail
from recsys.experiments.metrics import words

Decision = Literal["better", "worse", "no difference", "harmful", "keep running"]


@dataclass(frozen=True)
class Verdict:
    """On one treatment."""

    arm: str
    decision: Decision
    """Better and harmless; worse; neither shown; better, but a guardrail isn't held; too early to
    say."""
    sentence: str


def judged(
    arm: str,
    name: str,
    metric: Metric,
    found: Estimate,
    is_decided: bool,
    is_over: bool,
    guardrails: Sequence[Guardrail],
) -> Verdict:
    """Judges a treatment.

    Args:
        arm: the treatment.
        name: the primary metric's.
        metric: what it is.
        found: the estimate that decides; its interval is always-valid before the end.
        is_decided: whether the difference is beyond chance, all arms considered.
        is_over: whether the experiment reached its horizon.
        guardrails: this treatment's.
    """
    low, high = found.lift_interval
    figures = f"{words(name)} {found.lift:+.2%} [{low:+.2%}, {high:+.2%}]"
    good = (found.difference > 0) == (metric.better == "more")
    loose = [guardrail for guardrail in guardrails if guardrail.state != "held"]
    broken = [guardrail for guardrail in loose if guardrail.state == "broken"]
    if broken or (is_over and is_decided and good and loose):
        reason = (broken or loose)[0].sentence
        return Verdict(arm, "harmful", f"Don't ship {arm}: {reason}. Its {figures}.")
    if is_decided and not good:
        return Verdict(arm, "worse", f"Don't ship {arm}: {figures}.")
    if is_decided and not loose:
        held = f"and all {len(guardrails)} guardrails are held" if guardrails else "no guardrails"
        return Verdict(arm, "better", f"Ship {arm}: {figures}, {held}.")
    if not is_over:
        return Verdict(arm, "keep running", f"Keep {arm} running: {figures} so far.")
    reach = "" if math.isnan(found.lift) else f": {figures}"
    return Verdict(arm, "no difference", f"No difference shown between {arm} and control{reach}.")
