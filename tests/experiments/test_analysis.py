from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from store_users import experiment_of

from recsys.config import Experiment, Metric
from recsys.errors import BadInput
from recsys.evaluation.multiplicity import holm
from recsys.experiments.analysis import Analysis, analyze
from recsys.experiments.estimates import Estimate
from recsys.experiments.guardrails import guarded
from recsys.experiments.health import mismatch_p_value
from recsys.experiments.observed import Observed
from recsys.experiments.slices import MIN_USERS

ARMS = {"control": {"share": 0.5}, "treatment": {"share": 0.5}}


def declared(**values: Any) -> Experiment:
    plain = {"arms": ARMS, "horizon_days": 7, "metrics": [], "guardrails": {"pages_per_user": 0.1}}
    return Experiment.model_validate({**plain, **values})


def users(seed: int, num_users: int = 4_000, **values: Any) -> Observed:
    return experiment_of(np.random.default_rng(seed), num_users, **values)


def analysis(observed: Observed, **values: Any) -> Analysis:
    return analyze("x", declared(**values), observed, {})


def test_a_better_treatment_is_shipped() -> None:
    found = analysis(users(1, lift=0.3), metrics=["pages_per_user"])
    assert not found.health.withheld
    assert [one.metric for one in found.comparisons] == ["installs_per_user", "pages_per_user"]
    primary = found.comparisons[0]
    assert primary.cuped is not None
    assert primary.sharper is primary.cuped
    low, high = primary.cuped.lift_interval
    assert 0 < low < 0.3 < high
    assert found.by_day is not None
    assert len(found.by_day["treatment"]) == 7
    assert found.by_day["treatment"][-1].once.lift == pytest.approx(primary.cuped.lift)
    (verdict,) = found.verdicts
    assert verdict.decision == "better"
    assert verdict.sentence.startswith("Ship treatment: installs per user +")
    assert verdict.sentence.endswith("and all 1 guardrails are held.")


def test_a_worse_treatment_and_one_alike_are_not() -> None:
    (worse,) = analysis(users(2, lift=-0.3), guardrails={}).verdicts
    assert worse.decision == "worse"
    assert worse.sentence.startswith("Don't ship treatment: installs per user -")
    (alike,) = analysis(users(3)).verdicts
    assert alike.decision == "no difference"
    assert alike.sentence.startswith("No difference shown between treatment and control: ")


def test_before_the_horizon_only_what_may_be_looked_at_daily_decides() -> None:
    early = analysis(users(3), horizon_days=14)
    assert early.verdicts[0].decision == "keep running"
    assert early.by_day is not None
    always = early.by_day["treatment"][-1].always_valid.lift_interval
    assert f"[{always[0]:+.2%}, {always[1]:+.2%}]" in early.verdicts[0].sentence
    assert analysis(users(1, lift=0.5), horizon_days=14).verdicts[0].decision == "better"


def test_users_lost_withhold_all_results() -> None:
    whole = users(4, num_users=100_000, num_days=1)
    rng = np.random.default_rng(4)
    lost = (whole.arm == 1) & (rng.random(len(whole)) < 0.04)  # 1 in 100 of all users is missing
    found = analysis(whole.where(~lost))
    assert found.health.mismatch_p_value < 0.001
    assert found.health.withheld.startswith("Results are withheld: of 98,0")
    assert found.health.withheld.count(".") - found.health.withheld.count("%") <= 3
    assert (found.comparisons, found.guardrails, found.slices, found.verdicts) == ((), (), (), ())
    assert found.by_day is None
    assert not analysis(whole).health.withheld


def test_users_in_two_arms_withhold_them_too() -> None:
    seen_twice = replace(users(5), num_in_two_arms=50)
    assert (
        "50 of 4,050 users were seen in more than one arm" in analysis(seen_twice).health.withheld
    )
    assert not analysis(replace(seen_twice, num_in_two_arms=3)).health.withheld


def test_the_mismatch_test_is_pearsons() -> None:
    # 10,000 users, 100 more than dealt: chi-square is 2 x 100^2 / 5000 = 4 with 1 degree.
    assert mismatch_p_value([5_100, 4_900], [0.5, 0.5]) == pytest.approx(0.0455, abs=1e-4)
    assert mismatch_p_value([500, 300, 200], [0.5, 0.3, 0.2]) == pytest.approx(1.0)
    assert mismatch_p_value([0, 0], [0.5, 0.5]) == 1.0


def estimate(lift: float, reach: float, control: float = 2.0) -> Estimate:
    difference, width = lift * control, reach * control
    return Estimate(
        control=control,
        treatment=control + difference,
        difference=difference,
        difference_interval=(difference - width, difference + width),
        lift=lift,
        lift_interval=(lift - reach, lift + reach),
        p_value=0.5,
    )


@pytest.mark.parametrize(
    ("lift", "reach", "state"),
    [
        (0.00, 0.04, "held"),
        (-0.03, 0.01, "held"),  # worse for sure, but by less than tolerated
        (0.00, 0.06, "unclear"),
        (-0.10, 0.02, "broken"),
        (-0.06, 0.04, "broken"),
        (0.20, 0.10, "held"),
    ],
)
def test_a_guardrail_is_held_once_harm_is_excluded(lift: float, reach: float, state: str) -> None:
    more, less = Metric(of="installs"), Metric(of="uninstalls", better="less")
    assert guarded("m", more, "b", 0.05, estimate(lift, reach)).state == state
    turned = guarded("m", less, "b", 0.05, estimate(-lift, reach))
    assert turned.state == state
    assert "+5% is tolerated" in turned.sentence


def test_a_guardrail_without_any_harm_or_any_base_is_not_guessed() -> None:
    less = Metric(of="empty_pages", better="less")
    neither = (math.nan, math.nan)
    zero = Estimate(0.0, 0.0, 0.0, neither, math.nan, neither, math.nan)
    assert guarded("m", less, "b", 0.05, zero).state == "held"
    some = Estimate(0.0, 0.1, 0.1, (0.02, 0.18), math.inf, neither, 0.01)
    assert guarded("m", less, "b", 0.05, some).state == "broken"
    few = Estimate(0.0, 0.1, 0.1, (-0.02, 0.22), math.inf, neither, 0.2)
    assert guarded("m", less, "b", 0.05, few).state == "unclear"


def test_better_but_not_shown_harmless_is_not_shipped() -> None:
    strict = {"latency_ms_p95_of_users": 0.0001}
    slow = users(1, lift=0.3)
    latency = np.random.default_rng(1).gamma(2.0, 10.0, slow.daily["pages"].shape)
    daily = {**slow.daily, "latency_ms": latency * slow.daily["pages"]}
    (verdict,) = analysis(replace(slow, daily=daily), guardrails=strict).verdicts
    assert verdict.decision == "harmful"
    assert "is not shown to be no worse than tolerated" in verdict.sentence


def test_slices_are_held_to_alpha_together() -> None:
    rng = np.random.default_rng(6)
    country = rng.choice(np.array(["DE", "FR", "US"]), 4_000, p=[0.5, 0.48, 0.02])
    found = analysis(users(6, lift=0.4, dimensions={"country": country}), slices=["country"])
    assert [one.value for one in found.slices] == ["DE", "FR"]  # too few in the US
    for one in found.slices:
        assert one.num_users >= 2 * MIN_USERS
        assert one.adjusted_p_value >= one.estimate.p_value
    adjusted = holm([one.estimate.p_value for one in found.slices])
    assert [one.adjusted_p_value for one in found.slices] == adjusted


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, math.nan, 0.6, 0.7])[0] == 1.0
    assert math.isnan(holm([0.5, math.nan])[1])
    assert holm([]) == []


def test_two_treatments_are_held_to_alpha_together() -> None:
    three = {"control": {"share": 0.5}, "a": {"share": 0.25}, "b": {"share": 0.25}}
    whole = users(7, num_users=8_000, lift=0.3)
    half = np.random.default_rng(7).random(8_000) < 0.5
    split = replace(whole, arms=("control", "a", "b"), arm=whole.arm * (1 + half))
    found = analyze("x", declared(arms=three), split, {})
    assert [verdict.arm for verdict in found.verdicts] == ["a", "b"]
    for one in found.comparisons:
        assert one.adjusted_p_value >= one.sharper.p_value
    assert {guardrail.arm for guardrail in found.guardrails} == {"a", "b"}


def test_a_declared_metric_may_decide_a_quantile_too() -> None:
    median = {"typical": Metric(of="installs", quantile=0.5)}
    experiment = declared(primary="typical")
    found = analyze("x", experiment, users(8, lift=1.5), median)
    assert found.by_day == {"treatment": []}
    assert found.comparisons[0].cuped is None
    assert found.verdicts[0].decision == "better"
    early = analyze(
        "x", experiment.model_copy(update={"horizon_days": 9}), users(8, lift=1.5), median
    )
    assert early.verdicts[0].decision == "keep running"


def test_a_column_that_was_not_logged_is_named() -> None:
    with pytest.raises(BadInput, match=r"metric empty_page_share is of column 'empty_pages'"):
        analysis(users(9), guardrails={"empty_page_share": 0.1})
