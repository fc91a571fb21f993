"""What `recsys bench ab` found, as a table and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtests import report

Figures = Mapping[str, Any]


def table(figures: Figures) -> str:
    """The figures in Markdown."""
    header = ["what", "found, with its 95 % interval", "expected"]
    rows = [
        *_of_aa(figures["aa"]),
        *_of_cuped(figures["cuped"]),
        *map(_of_mismatch, figures["mismatches"]),
        *map(_of_power, figures["power"]),
        _of_daily(figures["daily"]),
        *_of_rankers(figures["interleaving"]),
    ]
    sentences = [
        _of_runs(figures),
        _of_people(figures["people"]),
        _of_many(figures["interleaving"]),
        f"{figures['seconds']:.0f} s in all.",
    ]
    return f"{report.markdown(header, rows)}\n\n{' '.join(sentences)}"


def _of_aa(aa: Figures) -> list[list[str]]:
    return [
        ["A/A, looked at once: a difference found", _share(aa["once"]), "5 %"],
        ["the same without CUPED", _share(aa["once_raw"]), "5 %"],
        ["A/A, p-values uniform: Kolmogorov-Smirnov p", f"{aa['ks_p_value']:.2f}", "above 0.05"],
        ["the same without CUPED", f"{aa['ks_p_value_raw']:.2f}", "above 0.05"],
        ["A/A, a plain test on each of 14 days", _share(aa["naive_peeking"]), "far above 5 %"],
        ["A/A, the always-valid test on each", _share(aa["sequential"]), "at most 5 %"],
        ["A/A, withheld for a sample ratio mismatch", _share(aa["withheld"]), "0.1 %"],
    ]


def _of_cuped(cuped: Figures) -> list[list[str]]:
    low, high = cuped["variance_ratio_interval"]
    return [
        ["the truth inside CUPED's 95 % interval", _share(cuped["coverage"]), "93 % to 97 %"],
        ["the same without CUPED", _share(cuped["coverage_raw"]), "93 % to 97 %"],
        [
            "CUPED's variance over the plain one's",
            f"{cuped['variance_ratio']:.3f} [{low:.3f}, {high:.3f}]",
            f"1 - rho² = {cuped['one_minus_rho_squared']:.3f}",
        ],
        [
            "the same as its intervals claim",
            f"{cuped['variance_ratio_claimed']:.3f}",
            f"1 - rho² = {cuped['one_minus_rho_squared']:.3f}",
        ],
    ]


def _of_mismatch(one: Figures) -> list[str]:
    expected = {0.0: "0.1 %", 1.0: "all"}
    what = f"an arm {one['points']:g} points too small, of {one['num_people']:,} users: withheld"
    return [what, _share(one["withheld"]), expected.get(one["points"], "")]


def _of_power(one: Figures) -> list[str]:
    what = f"a lift of {one['lift']:.1%}, on {one['num_people']:,} users: found"
    return [what, _share(one["observed"]), f"predicted {one['predicted']:.1%}"]


def _of_daily(one: Figures) -> list[str]:
    what = f"a lift of {one['lift']:.1%}, the same users: found by the always-valid test"
    return [what, _share(one["found"]), f"the median experiment ends on day {one['median_day']:g}"]


def _of_rankers(rankers: Figures) -> list[list[str]]:
    people = f"{rankers['num_people']:,} users"
    return [
        [f"a better ranker, on {people}: found by an A/B test", _share(rankers["found_by_ab"]), ""],
        ["the same, found by interleaving", _share(rankers["found_by_interleaving"]), ""],
    ]


def _of_runs(figures: Figures) -> str:
    return (
        f"{figures['num_runs']:,} experiments each, a tenth of that for the always-valid test of a "
        "lift and for interleaving; A/A and CUPED are of "
        f"{figures['aa']['num_people']:,} users and 14 days."
    )


def _of_people(people: Figures) -> str:
    return (
        "The users (`loadtests/habits.py`) install nothing on "
        f"{people['share_of_days_without']:.1%} of their days; in a fortnight they install "
        f"{people['mean']:.2f} apps with a deviation of {people['deviation']:.2f}, and "
        f"{people['max']:.0f} at most; the correlation of two days is "
        f"{people['correlation_of_days']:.2f}, of two fortnights "
        f"{people['correlation_with_before']:.2f}."
    )


def _of_many(rankers: Figures) -> str:
    low, high = rankers["ratio_of_people_needed_interval"]
    return (
        f"The A/B test of {rankers['num_people_of_the_large_ab']:,} users (a lift of "
        f"{rankers['ab_lift']:+.1%}, p = {rankers['ab_p_value']:.1g}) and the interleaving of "
        f"{rankers['num_people_of_the_large_interleaving']:,} "
        f"({rankers['share_preferring_better']:.1%} of those who prefer a ranker prefer the better "
        f"one, p = {rankers['interleaving_p_value']:.1g}) "
        f"{'agree' if rankers['agree'] else 'do not agree'}. For 80 % power the A/B test needs "
        f"{rankers['people_needed_by_ab']:,} users and interleaving "
        f"{rankers['people_needed_by_interleaving']:,}: {rankers['ratio_of_people_needed']:.0f} "
        f"times fewer [{low:.0f}, {high:.0f}]."
    )


def _share(one: Figures) -> str:
    low, high = one["interval"]
    return f"{one['share']:.1%} [{low:.1%}, {high:.1%}]"
