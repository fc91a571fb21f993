"""The verdict on a candidate model: blessed or refused, with its reasons in words and figures."""

from __future__ import annotations

from dataclasses import dataclass

from recsys.config import Evaluation
from recsys.evaluation.pages import PageMetrics


@dataclass(frozen=True)
class Measured:
    """All that the verdict looks at."""

    served: PageMetrics
    most_popular: PageMetrics
    baseline: PageMetrics | None
    """The bundle that serves now, on the same users; None on the first run."""
    ranking_auc: float | None
    """None where the days kept out hold no impression that was not installed."""


@dataclass(frozen=True)
class Verdict:
    """Whether a bundle may be pushed."""

    blessed: bool
    reasons: tuple[str, ...]
    """Why not, or what it was measured against."""


def judge(measured: Measured, thresholds: Evaluation) -> Verdict:
    """Compares metrics with fixed thresholds and with the bundle that serves now.

    A NaN is never good enough: each comparison is written so that it fails on one.
    """
    k, recall = thresholds.k, measured.served.recall
    checks = [
        (
            recall >= thresholds.min_recall_over_popular * measured.most_popular.recall,
            f"recall@{k} of the served path is {recall:.4f} against "
            f"{measured.most_popular.recall:.4f} of the most popular apps; at least "
            f"{thresholds.min_recall_over_popular:g} times theirs is required",
        )
    ]
    if measured.ranking_auc is not None:
        sentence = (
            f"the ranker's AUC is {measured.ranking_auc:.4f}; at least "
            f"{thresholds.min_ranking_auc:g} is required"
        )
        checks.append((measured.ranking_auc >= thresholds.min_ranking_auc, sentence))
    if measured.baseline is None:
        checks.append((True, "no bundle serves yet, so there is no baseline to compare with"))
    else:
        sentence = (
            f"recall@{k} is {recall:.4f} against {measured.baseline.recall:.4f} of the bundle that "
            f"serves now; a drop of up to {thresholds.max_recall_drop:.0%} is tolerated"
        )
        required = (1 - thresholds.max_recall_drop) * measured.baseline.recall
        checks.append((recall >= required, sentence))
    failed = tuple(reason for passed, reason in checks if not passed)
    return Verdict(not failed, failed or tuple(reason for _, reason in checks))
