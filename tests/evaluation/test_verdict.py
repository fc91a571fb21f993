from __future__ import annotations

import pytest

from recsys.config import Evaluation
from recsys.evaluation.pages import PageMetrics
from recsys.evaluation.verdict import Measured, judge

THRESHOLDS = Evaluation(k=10, min_ranking_auc=0.6, min_recall_over_popular=1.5, max_recall_drop=0.1)
NAN = float("nan")


def pages(recall: float) -> PageMetrics:
    return PageMetrics(recall, (recall, recall), recall, (recall, recall))


def measured(
    served: float = 0.4,
    popular: float = 0.2,
    baseline: float | None = 0.4,
    auc: float | None = 0.7,
) -> Measured:
    before = None if baseline is None else pages(baseline)
    return Measured(pages(served), pages(popular), before, auc)


def test_a_good_model_is_blessed_with_what_it_was_measured_against() -> None:
    verdict = judge(measured(), THRESHOLDS)
    assert verdict.blessed
    popular, auc, baseline = verdict.reasons
    assert "recall@10 of the served path is 0.4000 against 0.2000 of the most popular" in popular
    assert "at least 1.5 times theirs is required" in popular
    assert "AUC is 0.7000; at least 0.6 is required" in auc
    assert "against 0.4000 of the bundle that serves now; a drop of up to 10% is" in baseline


def test_the_first_run_says_that_there_is_no_baseline() -> None:
    verdict = judge(measured(baseline=None), THRESHOLDS)
    assert verdict.blessed
    assert verdict.reasons[-1].startswith("no bundle serves yet, so there is no baseline")


def test_without_negatives_the_ranker_is_not_judged() -> None:
    verdict = judge(measured(auc=None), THRESHOLDS)
    assert verdict.blessed
    assert not any("AUC" in reason for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (measured(served=0.29, baseline=0.3), ["most popular"]),
        (measured(auc=0.59), ["AUC"]),
        (measured(served=0.35), ["bundle that serves now"]),
        (measured(served=0.1, auc=0.1), ["most popular", "AUC", "bundle that serves now"]),
        (measured(served=NAN), ["most popular", "bundle that serves now"]),
        (measured(popular=NAN), ["most popular"]),
        (measured(baseline=NAN), ["bundle that serves now"]),
        (measured(auc=NAN), ["AUC"]),
    ],
)
def test_each_threshold_that_fails_is_a_reason(case: Measured, says: list[str]) -> None:
    verdict = judge(case, THRESHOLDS)
    assert not verdict.blessed
    assert len(verdict.reasons) == len(says)
    for reason, word in zip(verdict.reasons, says, strict=True):
        assert word in reason


def test_what_just_reaches_a_threshold_passes() -> None:
    assert judge(measured(served=0.375, popular=0.25, baseline=None, auc=0.6), THRESHOLDS).blessed
    lenient = THRESHOLDS.model_copy(update={"max_recall_drop": 0.25})
    assert judge(measured(served=0.375, popular=0.0, baseline=0.5), lenient).blessed
