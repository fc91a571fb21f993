from __future__ import annotations

import json

import numpy as np
import pytest

from loadtests import ab_report, bench_ab, habits, two_rankers


def test_people_are_as_their_model_says() -> None:
    found = habits.described(np.random.default_rng(1))
    # By hand: 14 days, a chance of 0.6 / 3 a day, half an app a visit.
    assert found["mean"] == pytest.approx(14 * 0.2 * 0.5, rel=0.05)
    assert found["share_of_days_without"] > 0.9
    assert found["share_of_people_without"] > 0.4
    assert found["deviation"] > 1.5 * found["mean"]
    assert found["max"] > 5 * found["p99"]
    assert 0.1 < found["correlation_of_days"] < found["correlation_with_before"] < 1


def test_a_total_is_drawn_as_the_sum_of_the_days() -> None:
    rng = np.random.default_rng(2)
    people = habits.People.drawn(rng, 200_000)
    sums, totals = people.daily(rng).sum(axis=1), people.total(rng)
    assert totals.mean() == pytest.approx(sums.mean(), rel=0.03)
    for quantile in (0.5, 0.9, 0.99):
        assert np.quantile(totals, quantile) == pytest.approx(np.quantile(sums, quantile), abs=1)


def test_a_lift_is_the_truth_of_the_treatment() -> None:
    observed = habits.experiment(np.random.default_rng(3), 400_000, lift=0.5)
    installs = observed.daily["installs"].sum(axis=1)
    lift = installs[observed.arm == 1].mean() / installs[observed.arm == 0].mean() - 1
    assert lift == pytest.approx(0.5, abs=0.08)
    assert np.isfinite(observed.before["installs"]).all()


def test_the_better_ranker_makes_better_pages() -> None:
    rng = np.random.default_rng(4)
    asked = two_rankers.Requests.drawn(rng, 2_000)
    suits = [
        np.take_along_axis(asked.suits, asked.ranked(rng, noise), 1).mean() for noise in (0.9, 0.7)
    ]
    assert suits[0] < suits[1]
    first, second = two_rankers.interleaved(rng, 500)
    assert first.shape == second.shape == (500,)


def test_a_share_has_the_interval_of_clopper_and_pearson() -> None:
    found = bench_ab.share([True] + [False] * 19)
    assert found["share"] == 0.05
    assert found["interval"] == pytest.approx([0.0013, 0.2487], abs=1e-4)


def test_a_small_run_has_every_figure() -> None:
    figures = bench_ab.bench(10)
    assert figures["srm_power"] == figures["mismatches"][-1]["withheld"]["share"] == 1.0
    assert figures["mismatches"][-1]["num_results_told_though_withheld"] == 0
    for name in ("aa_false_positive_rate", "sequential_false_positive_rate", "cuped_coverage"):
        assert 0 <= figures[name] <= 1
    assert figures["sequential_false_positive_rate"] <= figures["naive_peeking_false_positive_rate"]
    assert 0 < figures["cuped_variance_ratio"] < 1
    lifts = [one["predicted"] for one in figures["power"]]
    assert lifts[-1] == pytest.approx(0.8, abs=1e-6)
    assert lifts == sorted(lifts)
    table = ab_report.table(json.loads(json.dumps(figures)))
    assert (
        "| an arm 1 points too small, of 100,000 users: withheld | 100.0% [69.2%, 100.0%] |"
        in table
    )
    assert "10 experiments each" in table
