"""Whether the statistics of experiments keep their promises, on people whose truth is known.

Everything goes through the code that analyses real experiments. Each figure is a share of many
experiments, and comes with the binomial interval that so many allow.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import binomtest, kstest, ttest_1samp, ttest_ind

from loadtests import habits, two_rankers
from recsys.config import Experiment, Metric
from recsys.experiments import health
from recsys.experiments.analysis import analyze
from recsys.experiments.estimates import Estimate, estimate, foretold, sums
from recsys.experiments.interleaving import preference
from recsys.experiments.observed import Observed
from recsys.experiments.power import detectable_lift, predicted_power
from recsys.experiments.sequential import looks

COMMAND = "recsys bench ab"

Floats = NDArray[np.float64]
Share = dict[str, Any]

ALPHA = 0.05
_SEED = 2013
_INSTALLS = Metric(of="installs")
_NUM_PEOPLE = 2_000
_LIFT = 0.1
_MISMATCH_PEOPLE = 100_000
_MISMATCHES = (0.0, 0.0025, 0.005, 0.01)
_PILOT_PEOPLE = 200_000
_POWER_PEOPLE = 4_000
_RANKER_PEOPLE = 1_000
_LEVEL = 0.95
_Z = NormalDist().inv_cdf((1 + _LEVEL) / 2)

EXPERIMENT = Experiment.model_validate(
    {
        "arms": {"control": {"share": 0.5}, "treatment": {"share": 0.5}},
        "metrics": [],
        "guardrails": {},
        "horizon_days": habits.NUM_DAYS,
        "alpha": ALPHA,
    }
)


def bench(num_runs: int) -> dict[str, Any]:
    """Measures every promise.

    Args:
        num_runs: experiments for each.

    Returns:
        `aa_false_positive_rate`, `aa_ks_p_value`, `naive_peeking_false_positive_rate`,
        `sequential_false_positive_rate`, `cuped_coverage`, `cuped_variance_ratio`, `srm_power`, and
        the parts that they are of.
    """
    began = time.perf_counter()
    streams = map(np.random.default_rng, np.random.SeedSequence(_SEED).spawn(8))
    people = habits.described(next(streams))
    aa = _aa(next(streams), num_runs)
    cuped = _cuped(next(streams), num_runs)
    mismatches = _mismatches(next(streams), num_runs)
    power = _power(next(streams), num_runs)
    return {
        "aa_false_positive_rate": aa["once"]["share"],
        "aa_ks_p_value": aa["ks_p_value"],
        "naive_peeking_false_positive_rate": aa["naive_peeking"]["share"],
        "sequential_false_positive_rate": aa["sequential"]["share"],
        "cuped_coverage": cuped["coverage"]["share"],
        "cuped_variance_ratio": cuped["variance_ratio"],
        "srm_power": mismatches[-1]["withheld"]["share"],
        "num_runs": num_runs,
        "people": people,
        "aa": aa,
        "cuped": cuped,
        "mismatches": mismatches,
        "power": power,
        "daily": _daily(next(streams), max(num_runs // 10, 1), 2 * power[-1]["lift"]),
        "interleaving": _interleaving(next(streams), next(streams), num_runs),
        "seconds": time.perf_counter() - began,
    }


def share(hits: Sequence[bool] | NDArray[np.bool_]) -> Share:
    """How many of all, with the Clopper-Pearson interval of 95 %."""
    count, total = int(np.sum(hits)), len(hits)
    interval = binomtest(count, total).proportion_ci(_LEVEL)
    return {
        "share": count / total,
        "interval": [float(interval.low), float(interval.high)],
        "count": count,
        "total": total,
    }


def _aa(rng: np.random.Generator, num_runs: int) -> dict[str, Any]:
    """Experiments without any difference, looked at once and daily."""
    raw, cuped, naive, sequential, withheld = [], [], [], [], []
    for _ in _tracked(range(num_runs), "A/A"):
        observed = habits.experiment(rng, _NUM_PEOPLE, by_day=True)
        found = analyze("aa", EXPERIMENT, observed, {})
        withheld.append(bool(found.health.withheld))
        if found.by_day is None:
            continue
        (compared,), days = found.comparisons, found.by_day["treatment"]
        raw.append(compared.raw.p_value)
        cuped.append(compared.sharper.p_value)
        naive.append(min(day.once.p_value for day in days) <= ALPHA)
        sequential.append(days[-1].always_valid.p_value <= ALPHA)
    return {
        "num_people": _NUM_PEOPLE,
        "once": share(np.array(cuped) <= ALPHA),
        "ks_p_value": float(kstest(cuped, "uniform").pvalue),
        "once_raw": share(np.array(raw) <= ALPHA),
        "ks_p_value_raw": float(kstest(raw, "uniform").pvalue),
        "naive_peeking": share(naive),
        "sequential": share(sequential),
        "withheld": share(withheld),
    }


def _cuped(rng: np.random.Generator, num_runs: int) -> dict[str, Any]:
    """Experiments with a difference that is known."""
    raw, cuped, rho_squared = [], [], []
    for _ in _tracked(range(num_runs), "CUPED"):
        observed = habits.experiment(rng, _NUM_PEOPLE, _LIFT)
        raw.append(_estimate(observed))
        cuped.append(_estimate(observed, with_past=True))
        installs = observed.daily["installs"].sum(axis=1)
        rho_squared.append(np.corrcoef(installs, observed.before["installs"])[0, 1] ** 2)
    differences = np.array([[one.difference for one in each] for each in (raw, cuped)])
    raw_variance, cuped_variance = differences.var(axis=1, ddof=1)
    widths = [
        (np.ptp(other.difference_interval) / np.ptp(one.difference_interval)) ** 2
        for one, other in zip(raw, cuped, strict=True)
    ]
    return {
        "lift": _LIFT,
        "num_people": _NUM_PEOPLE,
        "mean_lift": float(np.mean([one.lift for one in cuped])),
        "coverage": share([_holds(one, _LIFT) for one in cuped]),
        "coverage_raw": share([_holds(one, _LIFT) for one in raw]),
        "variance_ratio": float(cuped_variance / raw_variance),
        "variance_ratio_interval": _resampled_ratio(differences),
        "variance_ratio_claimed": float(np.mean(widths)),
        "one_minus_rho_squared": 1 - float(np.mean(rho_squared)),
    }


def _mismatches(rng: np.random.Generator, num_runs: int) -> list[dict[str, Any]]:
    """Users of the treatment that are lost, so that its share of all is smaller than dealt."""
    people = habits.experiment(rng, _MISMATCH_PEOPLE)
    found = []
    for mismatch in _MISMATCHES:
        withheld, num_told = [], 0
        for _ in _tracked(range(num_runs), f"mismatch of {mismatch:.2%}"):
            arm = (rng.random(_MISMATCH_PEOPLE) < 0.5 - mismatch).astype(np.int64)
            observed = replace(people, arm=arm)
            withheld.append(bool(health.checked(observed, EXPERIMENT).withheld))
            if withheld[-1]:
                num_told += len(analyze("mismatch", EXPERIMENT, observed, {}).comparisons)
        found.append(
            {
                "points": 100 * mismatch,
                "num_people": _MISMATCH_PEOPLE,
                "withheld": share(withheld),
                "num_results_told_though_withheld": num_told,
            }
        )
    return found


def _power(rng: np.random.Generator, num_runs: int) -> list[dict[str, Any]]:
    """What is found against what was predicted of people who were seen before."""
    pilot = habits.experiment(rng, _PILOT_PEOPLE)
    columns = {**sums(pilot, _INSTALLS), **(foretold(pilot, _INSTALLS) or {})}
    least = detectable_lift(columns, _POWER_PEOPLE, 1.0, ALPHA)
    found = []
    for lift in (least / 2, least * 3 / 4, least):
        runs = _tracked(range(num_runs), f"a lift of {lift:.1%}")
        tried = [
            _estimate(habits.experiment(rng, _POWER_PEOPLE, lift), with_past=True) for _ in runs
        ]
        found.append(
            {
                "lift": lift,
                "num_people": _POWER_PEOPLE,
                "predicted": predicted_power(columns, _POWER_PEOPLE, 1.0, ALPHA, lift),
                "observed": share([one.p_value <= ALPHA for one in tried]),
            }
        )
    return found


def _daily(rng: np.random.Generator, num_runs: int, lift: float) -> dict[str, Any]:
    """How soon the always-valid test finds a lift that is there."""
    days: list[int] = []
    for _ in _tracked(range(num_runs), "an early end"):
        observed = habits.experiment(rng, _POWER_PEOPLE, lift, by_day=True)
        found = looks(observed, _INSTALLS, "treatment", ALPHA, habits.NUM_DAYS, with_past=True)
        days.append(1 + sum(day.always_valid.p_value > ALPHA for day in found))
    return {
        "lift": lift,
        "num_people": _POWER_PEOPLE,
        "found": share(np.array(days) <= habits.NUM_DAYS),
        "median_day": float(np.median(days)),
    }


def _interleaving(
    rng: np.random.Generator, many: np.random.Generator, num_runs: int
) -> dict[str, Any]:
    """A better ranker, sought by an A/B test and by interleaving with as many people."""
    by_ab, by_interleaving = [], []
    for _ in _tracked(range(num_runs), "A/B of rankers"):
        worse, better = two_rankers.in_two_arms(rng, _RANKER_PEOPLE)
        test = ttest_ind(better, worse, equal_var=False)
        by_ab.append(bool(test.pvalue <= ALPHA and better.mean() > worse.mean()))
    for _ in _tracked(range(max(num_runs // 10, 1)), "interleaving of rankers"):
        found = two_rankers.preferred(rng, _RANKER_PEOPLE)
        by_interleaving.append(found.p_value <= ALPHA and found.difference > 0)
    return {
        "num_people": _RANKER_PEOPLE,
        "found_by_ab": share(by_ab),
        "found_by_interleaving": share(by_interleaving),
        **_many_people(many, num_runs),
    }


def _many_people(rng: np.random.Generator, num_runs: int) -> dict[str, Any]:
    """Both with as many people as it takes to know how many it takes."""
    chunks = [two_rankers.in_two_arms(rng, 10 * num_runs) for _ in _tracked(range(50), "A/B")]
    worse, better = map(np.concatenate, zip(*chunks, strict=True))
    first, second = two_rankers.interleaved(rng, 20 * num_runs)
    test, preferred = ttest_ind(better, worse, equal_var=False), preference(first, second)
    interleaved = ttest_1samp(second - first, 0.0)
    needed_ab = _needed(float(test.statistic), len(better) + len(worse))
    needed = _needed(float(interleaved.statistic), len(first))
    # A number needed is as z^-2, and the error of a z is 1.
    reach = 2 * _Z * math.hypot(1 / float(test.statistic), 1 / float(interleaved.statistic))
    ratio = needed_ab / needed
    return {
        "num_people_of_the_large_ab": len(better) + len(worse),
        "num_people_of_the_large_interleaving": len(first),
        "ab_lift": float(better.mean() / worse.mean() - 1),
        "ab_p_value": float(test.pvalue),
        "share_preferring_better": 1 - preferred.share_first,
        "interleaving_p_value": preferred.p_value,
        "agree": bool(
            max(float(test.pvalue), preferred.p_value) <= ALPHA
            and test.statistic * preferred.difference > 0
        ),
        "people_needed_by_ab": round(needed_ab),
        "people_needed_by_interleaving": round(needed),
        "ratio_of_people_needed": ratio,
        "ratio_of_people_needed_interval": [ratio * math.exp(-reach), ratio * math.exp(reach)],
    }


def _needed(z: float, num_people: int) -> float:
    """People for 80 % power, where so many made a difference of so many standard errors."""
    return num_people * ((_Z + NormalDist().inv_cdf(0.8)) / z) ** 2


def _estimate(observed: Observed, with_past: bool = False) -> Estimate:
    found = estimate(observed, _INSTALLS, "treatment", 1 - ALPHA, with_past)
    assert found is not None
    return found


def _holds(found: Estimate, lift: float) -> bool:
    low, high = found.lift_interval
    return low <= lift <= high


def _resampled_ratio(differences: Floats) -> list[float]:
    """The variances' ratio over resamples of the experiments, 2.5 % and 97.5 %."""
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(differences.shape[1], size=(2_000, differences.shape[1]))
    raw, cuped = differences[:, drawn].var(axis=2, ddof=1)
    return [float(bound) for bound in np.quantile(cuped / raw, [0.025, 0.975])]


def _tracked(runs: Iterable[int], title: str) -> Iterable[int]:
    return track(runs, title, console=Console(stderr=True))
