"""What the users of an interleaving arm prefer, beside what the A/B says of the same two arms.

The preference is decided by the sign test over users, once, at the horizon: before it nothing is
said, since the test knows one look only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from recsys.config import Experiment
from recsys.experiments.estimates import Interval
from recsys.experiments.interleaving import Preference, preference
from recsys.experiments.observed import Observed
from recsys.experiments.tables import CREDITED


@dataclass(frozen=True)
class Preferred:
    """Two arms whose apps take turns on the pages of a third."""

    arm: str
    """The third."""
    first: str
    second: str
    preference: Preference
    """By installs."""
    winner: str
    """The one that more of the users prefer; empty where as many prefer either."""
    loser: str
    """The other."""
    share: float
    """Of the users who prefer one, those who prefer the winner; NaN where nobody prefers one."""
    share_interval: Interval
    is_decided: bool
    """Whether the preference is beyond chance, at the horizon."""
    agrees: bool | None
    """Whether the A/B's difference has the same sign; None where it doesn't compare the two."""
    sentence: str


def preferred(
    arm: str,
    experiment: Experiment,
    observed: Observed,
    gains: Mapping[str, float],
    is_over: bool,
) -> Preferred | None:
    """Analyses the users of one interleaving arm; None where fewer than two came, or where nothing
    is credited, as in the logs of a server.

    Args:
        arm: the one that interleaves.
        experiment: what it is.
        observed: users of all arms.
        gains: by treatment, how much better than the control the A/B finds it.
        is_over: whether the experiment reached its horizon.
    """
    users = observed.where(observed.arm == observed.arms.index(arm))
    columns = CREDITED["installs"]
    if len(users) < 2 or any(name not in users.daily for name in columns):
        return None
    first, second = experiment.arms[arm].interleaves
    of_first, of_second = (users.daily[name].sum(axis=1) for name in columns)
    found = preference(of_first, of_second, 1 - experiment.alpha)
    lead = found.num_second - found.num_first
    is_first = lead < 0
    low, high = found.share_interval
    one = Preferred(
        arm=arm,
        first=first,
        second=second,
        preference=found,
        winner=(first if is_first else second) if lead else "",
        loser=(second if is_first else first) if lead else "",
        share=found.share_first if is_first else 1 - found.share_first,
        share_interval=(low, high) if is_first else (1 - high, 1 - low),
        is_decided=is_over and found.sign_p_value <= experiment.alpha,
        agrees=_agrees(lead, _gain(first, second, experiment, gains)),
        sentence="",
    )
    return _told(one, is_over)


def _gain(
    first: str, second: str, experiment: Experiment, gains: Mapping[str, float]
) -> float | None:
    """How much better the second is than the first, by the A/B."""
    if first == experiment.control:
        return gains[second]
    return -gains[first] if second == experiment.control else None


def _agrees(lead: int, gain: float | None) -> bool | None:
    return None if gain is None else (lead > 0) == (gain > 0) and (lead < 0) == (gain < 0)


def _told(one: Preferred, is_over: bool) -> Preferred:
    low, high = one.share_interval
    figures = f"{one.share:.1%} [{low:.1%}, {high:.1%}] of those who prefer one"
    if not one.winner:
        sentence = f"as many users prefer {one.first} as {one.second}"
    elif one.is_decided:
        sentence = f"users prefer {one.winner}: {figures} do"
    else:
        so_far = "" if is_over else " so far"
        sentence = f"no preference is shown{so_far}: {figures} prefer {one.winner}"
    ab = (
        ""
        if one.agrees is None
        else f"; the A/B has {'the same' if one.agrees else 'another'} sign"
    )
    return replace(
        one, sentence=f"On pages of {one.first} and {one.second} in turns, {sentence}{ab}."
    )
