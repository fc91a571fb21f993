from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recsys.config import Experiment
from recsys.errors import BadInput
from recsys.experiments.observed import observed
from recsys.experiments.tables import EXPOSURES, OUTCOMES

ARMS = {"control": {"share": 0.5}, "warm": {"share": 0.5}}
DAY = dt.date(2025, 3, 10)
EXPERIMENT = Experiment.model_validate({"arms": ARMS, "horizon_days": 3, "covariate_days": 2})


def exposed(*rows: tuple[str, str, int]) -> pa.Table:
    """User, arm, and the day's number; late in the evening, in UTC."""
    return pa.table(
        [
            [user for user, _, _ in rows],
            ["x"] * len(rows),
            [arm for _, arm, _ in rows],
            ["b1"] * len(rows),
            [dt.datetime(2025, 3, 10 + day, 23, 30, tzinfo=dt.UTC) for _, _, day in rows],
        ],
        schema=EXPOSURES,
    )


def done(*rows: tuple[str, int, float]) -> pa.Table:
    """User, the day's number, installs."""
    columns: dict[str, Any] = {name: [None] * len(rows) for name in OUTCOMES.names}
    columns["user_id"] = [user for user, _, _ in rows]
    columns["day"] = [DAY + dt.timedelta(days=day) for _, day, _ in rows]
    columns["installs"] = [installs for _, _, installs in rows]
    return pa.table(columns, schema=OUTCOMES)


def test_what_a_user_did_counts_from_the_first_exposure_on() -> None:
    found = observed(
        "x",
        EXPERIMENT,
        exposed(("a", "control", 0), ("b", "warm", 1), ("a", "control", 2)),
        done(
            ("a", 0, 1), ("a", 2, 4), ("a", 3, 9),  # day 3 is after the horizon
            ("b", 0, 7), ("b", 1, 2), ("b", 2, 3),  # day 0 was before b's exposure
            ("b", -2, 5), ("b", -1, 6), ("b", -3, 9),  # day -3 is before the days of the covariate
            ("nobody", 0, 1),
        ),
    )  # fmt: skip
    assert found.arms == ("control", "warm")
    assert found.days == (DAY, DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=2))
    order = np.argsort(found.arm)
    assert found.since[order].tolist() == [0, 1]
    assert found.daily["installs"][order].tolist() == [[1, 0, 4], [0, 2, 3]]
    np.testing.assert_array_equal(found.before["installs"][order], [np.nan, 11])
    assert found.daily["clicks"].sum() == 0


def test_an_experiment_as_it_looked_on_a_day_knows_nothing_of_later() -> None:
    whole = observed(
        "x",
        EXPERIMENT,
        exposed(("a", "control", 0), ("b", "warm", 1), ("c", "warm", 2)),
        done(("a", 0, 1), ("b", 1, 2), ("c", 2, 4)),
    )
    then = whole.upto(1)
    assert len(then) == 2
    assert then.days == whole.days[:2]
    assert then.daily["installs"].sum() == 3
    assert len(whole.upto(2)) == 3


def test_outcomes_of_fewer_days_end_the_table_early() -> None:
    found = observed("x", EXPERIMENT, exposed(("a", "control", 0)), done(("a", 1, 1)))
    assert len(found.days) == 2


def test_a_user_in_two_arms_is_left_out_and_counted() -> None:
    found = observed(
        "x",
        EXPERIMENT,
        exposed(("a", "control", 0), ("a", "warm", 1), ("b", "warm", 0)),
        done(("a", 0, 1)),
    )
    assert len(found) == 1
    assert found.num_in_two_arms == 1


def test_slices_come_from_the_users_table() -> None:
    sliced = EXPERIMENT.model_copy(update={"slices": ("country",)})
    rows = exposed(("a", "control", 0), ("b", "warm", 0), ("c", "warm", 0))
    users = pa.table({"user_id": ["b", "a"], "country": [None, "DE"]})
    found = observed("x", sliced, rows, done(), users)
    by_arm = sorted(zip(found.arm, found.dimensions["country"], strict=True))
    assert by_arm == [(0, "DE"), (1, "unknown"), (1, "unknown")]
    with pytest.raises(BadInput, match=r"slices by country need a table of users"):
        observed("x", sliced, rows, done())


def test_what_cannot_be_read_is_one_sentence() -> None:
    with pytest.raises(BadInput, match=r"no user was exposed to experiment 'y'"):
        observed("y", EXPERIMENT, exposed(("a", "control", 0)), done())
    with pytest.raises(BadInput, match=r"exposures of the arms cold, expected only control, warm"):
        observed("x", EXPERIMENT, exposed(("a", "cold", 0)), done())
