from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import simulated_days as days
from simulated_days import day, most_popular, settings, system

from recsys.config import Evaluation as Thresholds
from recsys.evaluation.measure import measure
from recsys.evaluation.observed import HeldOut, Observed, Systems
from recsys.evaluation.results import Comparison, Counts, Estimate, Measured, MeasuredSlice
from recsys.evaluation.saved import Evaluation
from recsys.evaluation.verdict import Verdict, judge

NAN = float("nan")
THRESHOLDS = Thresholds(
    min_recall_over_popular=1.5,
    max_recall_drop=0.1,
    min_retrieval_recall=0.2,
    min_ranking_auc=0.6,
    max_auc_drop=0.01,
    max_log_loss_rise=0.05,
    max_miscalibration=1.5,
    significance=0.01,
    slice_tolerance=2.0,
)


def figure(value: float) -> Comparison:
    return Comparison(Estimate(value))


def against(mine: float, theirs: float, error: float = 0.001) -> Comparison:
    """Two figures whose errors are independent, and equally large."""
    variance = error**2
    return Comparison(
        candidate=Estimate(mine, (mine, mine)),
        baseline=Estimate(theirs, (theirs, theirs)),
        change=Estimate(mine - theirs, (mine - theirs, mine - theirs)),
        covariance=((variance, 0.0), (0.0, variance)),
    )


def measured(changes: Mapping[str, Comparison] | None = None) -> Measured:
    """A good model, changed as told."""
    recall = replace(against(0.4, 0.4), most_popular=Estimate(0.2))
    metrics = {
        "page_recall": recall,
        "page_ndcg": against(0.3, 0.3),
        "retrieval_recall": against(0.6, 0.6),
        "ann_recall": figure(0.99),
        "ranking_auc": against(0.7, 0.7),
        "ranking_log_loss": against(0.2, 0.2),
        "ranking_normalised_entropy": figure(0.9),
        "ranking_calibration": figure(1.1),
        "ranking_unscored": figure(0.0),
        **(changes or {}),
    }
    return Measured(10, 100, True, Counts(5, 5, 50, 5), metrics, [], {})


def with_popular(mine: float, popular: float) -> Comparison:
    return replace(against(mine, mine), most_popular=Estimate(popular))


def test_a_good_model_is_blessed_with_what_it_was_measured_against() -> None:
    verdict = judge(measured(), THRESHOLDS)
    assert verdict.blessed
    said = "\n".join(verdict.reasons)
    assert "recall@10 of the page is 0.4; at least 1.5 times the 0.2000 of the most popular" in said
    assert "the ranker's AUC is 0.7; at least 0.6 is required" in said
    assert "is 0.4000 against 0.4000 of the bundle that serves now, a change of +0.0000" in said
    assert "at least 0.3600 is tolerated" in said
    assert all(check.passed for check in verdict.checks)


def test_the_first_run_says_that_there_is_no_baseline() -> None:
    good = measured()
    alone = {
        name: Comparison(one.candidate, most_popular=one.most_popular)
        for name, one in good.metrics.items()
    }
    verdict = judge(replace(good, has_baseline=False, metrics=alone), THRESHOLDS)
    assert verdict.blessed
    assert verdict.reasons[-1].startswith("no bundle serves yet, so there is no baseline")


def test_without_negatives_the_ranker_is_not_judged() -> None:
    good = measured()
    of_lists = {name: one for name, one in good.metrics.items() if "ranking" not in name}
    verdict = judge(replace(good, metrics=of_lists), THRESHOLDS)
    assert verdict.blessed
    assert not any("ranker" in reason for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"page_recall": with_popular(0.29, 0.2)}, ["at least 1.5 times the 0.2000"]),
        ({"retrieval_recall": against(0.19, 0.19)}, ["recall@100 of retrieval is 0.19;"]),
        ({"ann_recall": figure(0.3)}, ["ANN recall@100 of the index is 0.3; at least 0.9"]),
        ({"ranking_auc": against(0.59, 0.59)}, ["AUC is 0.59; at least 0.6 is required"]),
        ({"ranking_auc": against(0.995, 0.99)}, ["AUC is 0.995; at most 0.98 is required"]),
        ({"ranking_normalised_entropy": figure(1.2)}, ["normalised entropy is 1.2; at most 1"]),
        ({"ranking_calibration": figure(0.5)}, ["observed is 0.5; at least 0.6667"]),
        ({"ranking_calibration": figure(1.6)}, ["observed is 1.6; at most 1.5"]),
        ({"ranking_unscored": figure(7)}, ["unscored impressions is 7; at most 0"]),
        ({"page_ndcg": against(0.2, 0.3)}, ["nDCG@10 of the page is 0.2000 against 0.3000"]),
        ({"retrieval_recall": against(0.5, 0.6)}, ["retrieval is 0.5000 against 0.6000"]),
        ({"ranking_auc": against(0.68, 0.7)}, ["AUC is 0.6800 against 0.7000"]),
        ({"ranking_log_loss": against(0.22, 0.2)}, ["is 0.2200 against 0.2000"]),
        (
            {"ann_recall": figure(0.3), "ranking_auc": against(0.5, 0.7)},
            ["of the index", "AUC is 0.5;", "AUC is 0.5000 against"],
        ),
    ],
)
def test_each_threshold_that_fails_is_a_reason_and_nothing_else_is(
    changes: dict[str, Comparison], says: list[str]
) -> None:
    verdict = judge(measured(changes), THRESHOLDS)
    assert not verdict.blessed
    assert len(verdict.reasons) == len(says)
    for reason, words in zip(verdict.reasons, says, strict=True):
        assert words in reason
    assert [check.passed for check in verdict.checks].index(True) == len(says)


@pytest.mark.parametrize("name", list(measured().metrics))
def test_what_is_no_number_never_passes(name: str) -> None:
    broken = against(NAN, 0.5) if measured().metrics[name].baseline else figure(NAN)
    if name == "page_recall":
        broken = replace(broken, most_popular=Estimate(0.2))
    assert not judge(measured({name: broken}), THRESHOLDS).blessed


@pytest.mark.parametrize(
    "broken",
    [
        against(0.4, NAN),
        replace(against(0.4, 0.4), covariance=((NAN, NAN), (NAN, NAN))),
        replace(against(0.4, 0.4), most_popular=Estimate(NAN)),
    ],
)
def test_nor_does_what_is_compared_with_no_number(broken: Comparison) -> None:
    whole = broken if broken.most_popular else replace(broken, most_popular=Estimate(0.2))
    assert not judge(measured({"page_recall": whole}), THRESHOLDS).blessed


def test_what_just_reaches_a_threshold_passes() -> None:
    changes = {
        "page_recall": with_popular(0.375, 0.25),
        "ranking_auc": against(0.6, 0.6),
        "ranking_normalised_entropy": figure(1.0),
    }
    assert judge(measured(changes), THRESHOLDS).blessed


@pytest.mark.parametrize(("high", "blessed"), [(0.301, True), (0.299, False), (NAN, False)])
def test_a_page_fails_beside_the_most_popular_only_where_users_are_evidence(
    high: float, blessed: bool
) -> None:
    recall = replace(with_popular(0.29, 0.2), candidate=Estimate(0.29, (0.26, high)))
    assert judge(measured({"page_recall": recall}), THRESHOLDS).blessed == blessed


def test_a_drop_that_may_be_chance_passes_and_a_sure_one_fails() -> None:
    # Of .5, .45 is tolerated, and .42 is measured: what counts is how sure that is.
    unsure, sure = against(0.42, 0.5, error=0.02), against(0.42, 0.5, error=0.002)
    assert judge(measured({"page_ndcg": unsure}), THRESHOLDS).blessed
    assert not judge(measured({"page_ndcg": sure}), THRESHOLDS).blessed
    # The error of .42 - .9 x .5 is the root of 1 + .9 squared times theirs.
    [check] = [
        check
        for check in judge(measured({"page_ndcg": unsure}), THRESHOLDS).checks
        if check.metric == "page_ndcg"
    ]
    score = -0.03 / (0.02 * math.sqrt(1 + 0.9**2))
    assert check.p_value == pytest.approx(0.5 * math.erfc(-score / math.sqrt(2)))


def test_a_drop_without_any_error_is_judged_as_it_is() -> None:
    for mine, blessed in ((0.27, True), (0.2699, False)):
        exact = against(mine, 0.3, error=0.0)
        assert judge(measured({"page_ndcg": exact}), THRESHOLDS).blessed == blessed


def slices(num: int, worst: Comparison) -> list[MeasuredSlice]:
    """One slice that is as told among many that are well, and one that is too small."""
    well = [
        MeasuredSlice({"country": f"C{i}"}, 200, 0, 0, {"page_recall": against(0.4, 0.4)})
        for i in range(num)
    ]
    one = MeasuredSlice({"country": "NO", "device": "tv"}, 200, 0, 0, {"page_recall": worst})
    return [*well, one, MeasuredSlice({"country": "AQ"}, 3, 0, 0, {})]


def test_a_slice_has_a_tolerance_of_its_own_and_is_named() -> None:
    bad = replace(measured(), slices=slices(5, against(0.3, 0.4)))
    [reason] = judge(bad, THRESHOLDS).reasons
    assert reason.startswith(
        "on country = NO, device = tv, recall@10 of the page is 0.3000 against"
    )
    assert "at least 0.3200 is tolerated" in reason
    tolerated = replace(measured(), slices=slices(5, against(0.33, 0.4)))
    verdict = judge(tolerated, THRESHOLDS)
    assert verdict.blessed
    assert "none of 6 checks on 6 slices" in verdict.reasons[-1]
    assert "1 more slices are too small to judge" in verdict.reasons[-1]


def test_the_more_slices_are_looked_at_the_surer_one_must_be() -> None:
    # 2.6 errors beyond what is tolerated: chance alone does that in one of 200 slices.
    error = 0.01
    limit = 0.8 * 0.4
    found = against(limit - 2.6 * error * math.sqrt(1 + 0.8**2), 0.4, error)
    assert not judge(replace(measured(), slices=slices(0, found)), THRESHOLDS).blessed
    assert judge(replace(measured(), slices=slices(200, found)), THRESHOLDS).blessed


def test_many_failed_slices_are_counted_after_the_worst() -> None:
    failed = [
        MeasuredSlice({"country": f"C{i}"}, 200, 0, 0, {"page_recall": against(i / 100, 0.4)})
        for i in range(9)
    ]
    reasons = judge(replace(measured(), slices=failed), THRESHOLDS).reasons
    assert [reason.split(",")[0] for reason in reasons[:5]] == [
        f"on country = C{i}" for i in range(5)
    ]
    assert reasons[5:] == ["and 4 more checks of slices failed"]


def verdict_on(held_out: HeldOut, candidate: Observed, baseline: Observed, seed: int) -> Verdict:
    config = settings()
    systems: Systems = {
        "candidate": candidate,
        "most_popular": most_popular(held_out, seed),
        "baseline": baseline,
    }
    return judge(measure(held_out, systems, days.apps(), config), config.evaluation)


def test_five_honest_daily_models_are_blessed() -> None:
    for seed in range(5):
        held_out = day(seed)
        mine, theirs = system(held_out, 100 + seed), system(held_out, 200 + seed)
        verdict = verdict_on(held_out, mine, theirs, 300 + seed)
        assert verdict.blessed, verdict.reasons
        assert sum(check.slice != "" for check in verdict.checks) > 30


def test_a_model_that_is_broken_in_one_country_only_is_refused_for_that_country() -> None:
    held_out = day(7)
    broken = system(held_out, 1, broken={"NO": 0.0})
    verdict = verdict_on(held_out, broken, system(held_out, 2), 3)
    assert not verdict.blessed
    assert all("on country = NO" in reason for reason in verdict.reasons)
    failed = {check.metric for check in verdict.checks if not check.passed}
    assert failed >= {"page_recall", "retrieval_recall", "ranking_auc"}
    assert {check.slice for check in verdict.checks if not check.passed} == {"country = NO"}


def test_a_model_that_is_worse_everywhere_is_refused_overall() -> None:
    held_out = day(8)
    worse = system(held_out, 1, found=0.08, retrieved=0.35, noise=2.0)
    reasons = verdict_on(held_out, worse, system(held_out, 2), 3).reasons
    for words in ("recall@10 of the page", "nDCG@10", "recall@50 of retrieval", "AUC", "log loss"):
        assert any(reason.startswith((words, f"the ranker's {words}")) for reason in reasons), words


def test_a_model_whose_scores_are_no_numbers_is_refused_for_that(tmp_path: Path) -> None:
    held_out = day(9)
    good = system(held_out, 1)
    assert good.scores is not None
    scores = np.where(np.arange(len(good.scores)) % 100 == 0, np.nan, good.scores)
    config = settings()
    systems: Systems = {
        "candidate": replace(good, scores=scores, ann_recall=NAN),
        "most_popular": most_popular(held_out, 2),
        "baseline": system(held_out, 3),
    }
    found = measure(held_out, systems, days.apps(), config)
    verdict = judge(found, config.evaluation)
    assert not verdict.blessed
    assert any("unscored impressions is 216; at most 0" in reason for reason in verdict.reasons)
    assert any("ANN recall@50 of the index is nan" in reason for reason in verdict.reasons)
    assert not any("of the page" in reason for reason in verdict.reasons)
    Evaluation("new", "old", found, verdict).save(tmp_path)
    json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=pytest.fail)
    again = Evaluation.load(tmp_path)
    assert math.isnan(again.measured.metrics["ranking_auc"].candidate.value)
    assert not judge(again.measured, config.evaluation).blessed
