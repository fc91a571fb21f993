"""Whether an experiment's results may be read at all.

Arms that don't have the users that they were dealt lost some on the way, and whoever was lost was
hardly lost at random: every figure may be of the loss and not of the treatment (Fabijan et al.,
Diagnosing Sample Ratio Mismatch in Online Controlled Experiments, KDD 2019). So a mismatch
withholds the results, rather than standing as a note beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import chisquare

from recsys.config import Experiment
from recsys.experiments.observed import Observed

MOST_IN_TWO_ARMS = 0.01
"""Share of the users that may be left out for having been seen in two arms."""


@dataclass(frozen=True)
class Health:
    """What was checked before anything else."""

    num_users: Mapping[str, int]
    """By arm, the control first."""
    expected_shares: Mapping[str, float]
    """By arm."""
    mismatch_p_value: float
    """Of a sample ratio mismatch, by Pearson's chi-square test."""
    num_in_two_arms: int
    """Users left out since they were seen in more than one arm."""
    withheld: str
    """Why no result may be read, in one sentence; empty where they may."""


def checked(observed: Observed, experiment: Experiment) -> Health:
    """Holds the arms' sizes against the shares that they were dealt."""
    counts = np.bincount(observed.arm, minlength=len(observed.arms))
    shares = {name: experiment.arms[name].share for name in observed.arms}
    p_value = mismatch_p_value(counts.tolist(), list(shares.values()))
    num_users = dict(zip(observed.arms, counts.tolist(), strict=True))
    in_two = observed.num_in_two_arms
    withheld = ""
    if p_value < experiment.mismatch_alpha:
        found = ", ".join(f"{name} {num / counts.sum():.2%}" for name, num in num_users.items())
        dealt = ", ".join(f"{name} {share:.2%}" for name, share in shares.items())
        withheld = (
            f"Results are withheld: of {counts.sum():,} users the arms have {found}, dealt were "
            f"{dealt}, and chance does that with p = {p_value:.1g}; find out where users are lost."
        )
    elif in_two > MOST_IN_TWO_ARMS * (in_two + counts.sum()):
        withheld = (
            f"Results are withheld: {in_two:,} of {in_two + counts.sum():,} users were seen in "
            "more than one arm; find out who assigns them twice."
        )
    return Health(num_users, shares, p_value, in_two, withheld)


def mismatch_p_value(counts: list[int], shares: list[float]) -> float:
    """The chance of sizes as far from the shares as these; 1 where there is no user."""
    total = sum(counts)
    if not total:
        return 1.0
    return float(chisquare(counts, [share * total for share in shares]).pvalue)
