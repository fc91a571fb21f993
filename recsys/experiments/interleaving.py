"""Two rankers on one page: who wins the user's installs where both are at hand.

Team-draft interleaving (Radlinski, Kurup & Joachims, How Does Clickthrough Data Reflect Retrieval
Quality?, CIKM 2008): as captains pick players, the rankers take turns to put their best app that
is not on the page yet, and a coin says who begins each round. An install is credited to the team
of its app. Each user compares both rankers, so what differs between users cancels, and far fewer
users are needed than in an A/B test; what comes out is a preference, not a lift.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, ttest_1samp

from recsys.experiments.assignment import fraction

Floats = NDArray[np.float64]
Team = Literal["first", "second"]


@dataclass(frozen=True)
class InterleavedPage:
    """A page of two rankers, the top first."""

    app_ids: tuple[str, ...]
    teams: tuple[Team, ...]
    """Who put each app there."""

    def credit(self, app_ids: Collection[str]) -> tuple[int, int]:
        """How many of these apps are the first ranker's and how many the second's; one that isn't
        on the page is nobody's."""
        done = [team for app, team in zip(self.app_ids, self.teams, strict=True) if app in app_ids]
        return done.count("first"), done.count("second")


def team_draft(
    first: Sequence[str], second: Sequence[str], k: int, salt: str, request_id: str
) -> InterleavedPage:
    """Makes a page of two.

    Args:
        first: a ranker's apps, the best first, `k` of them if there are.
        second: the other's.
        k: length of the page; it is shorter where both rankers have fewer apps.
        salt: the experiment's.
        request_id: seeds the coin: the same request gets the same page at each asking.
    """
    waiting: dict[Team, list[str]] = {"first": [*first[::-1]], "second": [*second[::-1]]}
    page: dict[str, Team] = {}
    while len(page) < k:
        for apps in waiting.values():
            while apps and apps[-1] in page:
                apps.pop()
        able = [team for team, apps in waiting.items() if apps]
        if not able:
            break
        turn = _turn(list(page.values()), f"{salt}/{len(page)}", request_id)
        team = turn if turn in able else able[0]
        page[waiting[team].pop()] = team
    return InterleavedPage(tuple(page), tuple(page.values()))


@dataclass(frozen=True)
class Preference:
    """Which of two rankers the users prefer."""

    num_users: int
    num_first: int
    """Users who did more with the first ranker's apps."""
    num_second: int
    num_ties: int
    share_first: float
    """Of the users who prefer one; NaN if none does."""
    share_interval: tuple[float, float]
    """Clopper-Pearson."""
    sign_p_value: float
    """Two-sided, of no preference, by the sign test; 1 if nobody prefers one."""
    difference: float
    """Mean credit a user, the second ranker's less the first's: above 0 the second is better."""
    difference_interval: tuple[float, float]
    p_value: float
    """Two-sided, of no difference, by the paired t-test."""


def preference(first: Floats, second: Floats, level: float = 0.95) -> Preference:
    """Analyses an interleaving experiment by user.

    Args:
        first: `[num_users]`, installs credited to the first ranker; two users or more.
        second: the same for the second.
        level: of the intervals.
    """
    assert len(first) == len(second) >= 2
    difference = second - first
    num_first, num_second = int((difference < 0).sum()), int((difference > 0).sum())
    decided = num_first + num_second
    if not decided:
        nothing = (math.nan, math.nan)
        return Preference(
            len(first), 0, 0, len(first), math.nan, nothing, 1.0, 0.0, (0.0, 0.0), 1.0
        )
    sign = binomtest(num_first, decided)
    share = sign.proportion_ci(level)
    paired = ttest_1samp(difference, 0.0)
    interval = paired.confidence_interval(level)
    return Preference(
        num_users=len(first),
        num_first=num_first,
        num_second=num_second,
        num_ties=len(first) - decided,
        share_first=num_first / decided,
        share_interval=(float(share.low), float(share.high)),
        sign_p_value=float(sign.pvalue),
        difference=float(difference.mean()),
        difference_interval=(float(interval.low), float(interval.high)),
        p_value=float(paired.pvalue),
    )


def _turn(picked: Sequence[Team], salt: str, request_id: str) -> Team:
    """The team that is behind, or the coin's where both have as many."""
    lead = picked.count("first") - picked.count("second")
    if lead:
        return "second" if lead > 0 else "first"
    return "first" if fraction(salt, request_id) < 0.5 else "second"
