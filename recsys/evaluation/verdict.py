"""The verdict on a candidate model: blessed or refused, with its reasons in words and figures.

Many slices are many chances to be wrong. What change checks may be wrong is held to
`evaluation.significance` for those of everything together, and once more for those of all slices:

- a model that is exactly as bad as tolerated everywhere is refused with at most twice that chance;
  an honest one, no worse than the bundle that serves now, hardly ever;
- a model that is worse passes where there are too few users to tell. The other rule, to demand
  evidence that it is no worse, would refuse honest models for some small slice every day.

docs/decisions.md has the error rates that were measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recsys.config import Evaluation
from recsys.evaluation.checks import Check, change_checks, held_to, tolerances, value_checks
from recsys.evaluation.results import Measured

_MOST_SLICES_NAMED = 5


@dataclass(frozen=True)
class Verdict:
    """Whether a bundle may be pushed."""

    blessed: bool
    reasons: Sequence[str]
    """Why not, or what it was measured against."""
    checks: Sequence[Check]
    """All of them, the failed first."""


def judge(measured: Measured, thresholds: Evaluation) -> Verdict:
    """Holds what was measured against fixed thresholds and against the bundle that serves now."""
    overall = list(change_checks(measured, "", measured.metrics, tolerances(thresholds)))
    widened = tolerances(thresholds, thresholds.slice_tolerance)
    sliced = [
        check
        for one in measured.slices
        for check in change_checks(measured, one.name, one.metrics, widened)
    ]
    overall = [
        *value_checks(measured, thresholds),
        *held_to(thresholds.significance, overall),
    ]
    sliced = held_to(thresholds.significance, sliced)
    checks = sorted([*overall, *sliced], key=lambda check: check.passed)
    failed = [*_failed(overall), *_worst(sliced)]
    reasons = failed or [check.sentence for check in overall] + _unfailed(measured, sliced)
    return Verdict(not failed, reasons, checks)


def _failed(checks: Sequence[Check]) -> list[str]:
    return [check.sentence for check in checks if not check.passed]


def _worst(sliced: Sequence[Check]) -> list[str]:
    """The failed checks of slices in words, the surest first, and how many more there are."""
    failed = _failed(sorted(sliced, key=lambda check: check.chance))
    named, more = failed[:_MOST_SLICES_NAMED], len(failed) - _MOST_SLICES_NAMED
    return [*named, f"and {more} more checks of slices failed"] if more > 0 else named


def _unfailed(measured: Measured, sliced: Sequence[Check]) -> list[str]:
    """What can be said where no change is too bad."""
    if not measured.has_baseline:
        return ["no bundle serves yet, so there is no baseline to compare with"]
    num_small = sum(not one.metrics for one in measured.slices)
    return [
        f"none of {len(sliced)} checks on {len(measured.slices) - num_small} slices shows a change "
        f"worse than tolerated; {num_small} more slices are too small to judge"
    ]
