from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_experiment import write

from recsys.config import Experiment
from recsys.experiments import page, terminal
from recsys.experiments.observed import Observed
from recsys.experiments.preferred import Preferred, preferred
from recsys.experiments.report import of_source
from recsys.experiments.sources import Source

ARMS = {
    "old": {"share": 0.25},
    "new": {"share": 0.25, "policy": "most_popular"},
    "newer": {"share": 0.25, "bundle": "b"},
}


def declared(*interleaves: str, **changes: Any) -> Experiment:
    both = {"share": 0.25, "interleaves": interleaves, **changes}
    return Experiment.model_validate({"arms": {**ARMS, "both": both}, "control": "old"})


def users(num_first: int, num_second: int, num_ties: int = 10) -> Observed:
    """Users of the arm that interleaves, after as many of the control, who must not count."""
    first = np.repeat([2.0, 0.0, 1.0], [num_first, num_second, num_ties])
    second = np.repeat([1.0, 3.0, 1.0], [num_first, num_second, num_ties])
    num = len(first)
    days = (dt.date(2025, 3, 3), dt.date(2025, 3, 4))

    def by_day(values: Any) -> Any:
        return np.stack([np.append(np.full(num, 9.0), values), np.zeros(2 * num)], axis=1)

    return Observed(
        arms=("old", "new", "newer", "both"),
        arm=np.repeat([0, 3], num),
        since=np.zeros(2 * num, np.int64),
        days=days,
        daily={"installs_of_first": by_day(first), "installs_of_second": by_day(second)},
        before={},
        dimensions={},
    )


def found(
    experiment: Experiment, observed: Observed, is_over: bool = True, **gains: float
) -> Preferred:
    one = preferred("both", experiment, observed, {"new": 0.1, "newer": 0.2} | gains, is_over)
    assert one is not None
    return one


def test_a_preference_is_told_beside_the_test_of_the_same_arms() -> None:
    one = found(declared("old", "new"), users(20, 60))
    assert (one.winner, one.loser, one.share) == ("new", "old", 0.75)
    assert one.share_interval[0] < 0.75 < one.share_interval[1]
    assert one.preference.num_users == 90 and one.preference.num_ties == 10
    assert one.is_decided and one.agrees
    assert one.sentence.startswith("On pages of old and new in turns, users prefer new: 75.0% [")
    assert one.sentence.endswith("of those who prefer one do; the A/B has the same sign.")


@pytest.mark.parametrize(
    ("interleaves", "gain", "agrees"),
    [
        (("old", "new"), -0.1, False),
        (("new", "old"), -0.1, True),  # the second is the control, which the A/B finds better
        (("new", "old"), 0.1, False),
        (("new", "newer"), 0.1, None),  # an A/B of either with the control, and not of both
    ],
)
def test_signs_are_those_of_the_second_against_the_first(
    interleaves: tuple[str, ...], gain: float, agrees: bool | None
) -> None:
    one = found(declared(*interleaves), users(20, 60), new=gain)
    assert one.winner == interleaves[1] and one.agrees is agrees


def test_before_the_end_and_within_chance_nothing_is_decided() -> None:
    early = found(declared("old", "new"), users(20, 60), is_over=False)
    assert not early.is_decided and "no preference is shown so far: 75.0%" in early.sentence
    close = found(declared("old", "new"), users(11, 10))
    assert close.winner == "old" and close.share == pytest.approx(11 / 21)
    assert not close.is_decided and close.share_interval[0] < 0.5 < close.share_interval[1]
    level = found(declared("old", "new"), users(10, 10))
    assert level.winner == "" and "as many users prefer old as new" in level.sentence
    nobody = found(declared("old", "new"), users(0, 0))
    assert nobody.winner == "" and np.isnan(nobody.share) and not nobody.is_decided


def test_logs_without_credits_have_no_preference() -> None:
    served = dataclasses.replace(users(20, 60), daily={})
    assert preferred("both", declared("old", "new"), served, {}, True) is None


@pytest.mark.parametrize(
    ("interleaves", "says"),
    [
        (("old",), "arm 'both' interleaves old, expected two different arms"),
        (("old", "old"), "arm 'both' interleaves old, old, expected two different arms"),
        (("old", "new", "newer"), "interleaves old, new, newer, expected two different arms"),
        (("old", "none"), "interleaves old, none, expected two different arms"),
        (("old", "both"), "interleaves old, both, expected two different arms that have pages"),
    ],
)
def test_other_than_two_arms_are_refused(interleaves: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        declared(*interleaves)


def test_an_arm_that_interleaves_has_no_pages_of_its_own() -> None:
    with pytest.raises(ValueError, match="arm 'both' interleaves and says how its own pages"):
        declared("old", "new", policy="most_popular")
    arms = {**ARMS, "both": {"share": 0.25, "interleaves": ["new", "newer"]}}
    with pytest.raises(ValueError, match="control = 'both', expected an arm that doesn't"):
        Experiment.model_validate({"arms": arms, "control": "both"})
    assert declared("old", "new").treatments == ("new", "newer")
    assert declared("old", "new").interleaving == ("both",)


def test_the_page_and_the_terminal_tell_it(tmp_path: Path) -> None:
    """Users of 1,000: a third each, of whom those of the third arm do it all with the second's."""
    write(tmp_path, "x", num_users=1_000, arms=("old", "new", "both"), bundles=(None, "b", None))
    exposures, outcomes = (
        pa.concat_tables(
            pq.read_table(path, partitioning=None)
            for path in sorted((tmp_path / name).glob("*/*.parquet"))
        )
        for name in ("exposures", "outcomes")
    )
    zeros = pa.array(np.zeros(len(outcomes)))
    for column in ("installs_of_first", "installs_of_second"):
        installs = outcomes["installs"] if column.endswith("second") else zeros
        outcomes = outcomes.append_column(column, installs)
    arms = {name: {"share": 1 / 3} for name in ("old", "new")}
    both = {"share": 1 / 3, "interleaves": ["old", "new"]}
    values = {"arms": {**arms, "both": both}, "control": "old", "horizon_days": 7}
    experiment = Experiment.model_validate(values | {"guardrails": {}})
    told = of_source("x", experiment, Source(exposures, outcomes, None, {}), {})
    [one] = told.analysis.preferences
    assert (one.winner, one.share, one.is_decided) == ("new", 1.0, True)
    assert {row.arm for row in told.analysis.comparisons} == {"new"}
    assert one.sentence in [*terminal.verdicts(told)]
    assert terminal.preferences(told).row_count == 1
    html = page.render(told)
    assert html.count('<h2 id="interleaved">') == 1 and one.sentence in html
    assert "old and new in turns" in html and told.values()["analysis"]["preferences"]
