from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare

from recsys.config import Experiment
from recsys.experiments.assignment import NO_ARM, arm_of, arms_of, fraction, fractions

USERS = [f"u{number:07d}" for number in range(100_000)]
KNOWN = np.ones(len(USERS), bool)
THREE = {"control": {"share": 0.5}, "warm": {"share": 0.3}, "cold": {"share": 0.2}}


def experiment(**values: Any) -> Experiment:
    return Experiment.model_validate({"arms": THREE, **values})


def arms(name: str, **values: Any) -> np.ndarray[Any, Any]:
    return arms_of(name, experiment(**values), USERS, {}, KNOWN)


def test_a_hash_is_what_sha256sum_says() -> None:
    # printf arm/warm/u0000042 | sha256sum  ->  5d2f28d5ead2c8e9...
    assert fraction("arm/warm", "u0000042") == (0x5D2F28D5EAD2C8E9 >> 11) / 2**53
    # printf layer/default/u0000042 | sha256sum  ->  9506d1d3c21a8812...
    assert fraction("layer/default", "u0000042") == (0x9506D1D3C21A8812 >> 11) / 2**53
    # 0.364 is below 0.5 and its bucket, 582, in a range of 0 to 1000.
    assert arm_of("warm", experiment(), "u0000042", {}, True) == "control"
    assert arm_of("warm", experiment(buckets=(582, 583)), "u0000042", {}, True) == "control"
    assert arm_of("warm", experiment(buckets=(0, 582)), "u0000042", {}, True) is None


def test_many_units_hash_as_one_does() -> None:
    units = ["", "é", "u1", "a/b"]
    assert fractions("s", units).tolist() == [fraction("s", unit) for unit in units]
    assert fractions("s", []).shape == (0,)


def test_shares_are_those_declared() -> None:
    counts = np.bincount(arms("warm"))
    assert counts.sum() == len(USERS)
    assert chisquare(counts, len(USERS) * np.array([0.5, 0.3, 0.2])).pvalue > 0.001


def test_layers_and_experiments_of_other_names_are_independent() -> None:
    for one, other in (
        (arms("a"), arms("b")),
        (arms("a", layer="x"), arms("b", layer="y")),
        (arms("a", buckets=(0, 300), layer="x"), arms("b", buckets=(0, 300), layer="y")),
        (arms("a", ramp=0.3), arms("b", ramp=0.3)),
    ):
        table = np.zeros((4, 4))
        np.add.at(table, (one, other), 1)  # the last row and column are NO_ARM's
        table = table[table.sum(1) > 0][:, table.sum(0) > 0]
        assert chi2_contingency(table).pvalue > 0.001


def test_experiments_of_one_layer_share_no_user() -> None:
    first, second = arms("a", buckets=(0, 300)), arms("b", buckets=(300, 1_000))
    assert ((first == NO_ARM) != (second == NO_ARM)).all()
    assert (first != NO_ARM).mean() == pytest.approx(0.3, abs=0.01)


def test_a_ramp_adds_users_and_moves_none() -> None:
    whole, before = arms("warm", ramp=1.0), arms("warm", ramp=0.0)
    assert (before == NO_ARM).all()
    for ramp in (0.01, 0.1, 0.5, 0.9):
        now = arms("warm", ramp=ramp)
        inside = now != NO_ARM
        assert inside.mean() == pytest.approx(ramp, abs=0.01)
        assert (now[inside] == whole[inside]).all()
        assert inside[before != NO_ARM].all()
        assert (
            chisquare(np.bincount(now[inside]), inside.sum() * np.array([0.5, 0.3, 0.2])).pvalue
            > 0.001
        )
        before = now


def test_a_salt_deals_anew() -> None:
    one, other = arms("warm"), arms("warm", salt="second try")
    assert (one == other).mean() == pytest.approx(0.25 + 0.09 + 0.04, abs=0.01)
    assert (arms("another name", salt="warm") == one).all()


def test_only_eligible_users_are_in_it() -> None:
    only = {"eligible": {"country": ["DE", "FR"], "device": ["phone"]}, "users": "new"}
    declared = experiment(**only)
    german = {"country": "DE", "device": "phone"}
    assert arm_of("a", declared, "u1", german, False) == arm_of("a", experiment(), "u1", {}, True)
    assert arm_of("a", declared, "u1", german, True) is None
    assert arm_of("a", declared, "u1", {**german, "device": "tv"}, False) is None
    assert arm_of("a", declared, "u1", {"device": "phone"}, False) is None
    assert arm_of("a", experiment(users="known"), "u1", {}, False) is None


def test_many_users_get_what_each_of_them_gets() -> None:
    rng = np.random.default_rng(3)
    users = USERS[:3_000]
    features = {"country": rng.choice(np.array(["DE", "US", None]), len(users)).tolist()}
    known = rng.random(len(users)) < 0.5
    declared = experiment(
        eligible={"country": ["DE"]}, users="known", ramp=0.7, buckets=(100, 800), layer="l"
    )
    names = [*declared.arms, None]
    together = [names[place] for place in arms_of("a", declared, users, features, known)]
    one_by_one = [
        arm_of("a", declared, user, {"country": country}, bool(is_known))
        for user, country, is_known in zip(users, features["country"], known, strict=True)
    ]
    assert together == one_by_one
    assert {*together} == {*names}
    # A column that nobody has is a missing value.
    assert (arms_of("a", declared, users, {}, known) == NO_ARM).all()


def test_arms_of_a_third_each_leave_nobody_out() -> None:
    thirds = {name: {"share": 1 / 3} for name in ("control", "a", "b")}
    counts = np.bincount(arms("x", arms=thirds), minlength=3)
    assert counts.sum() == len(USERS)
    assert chisquare(counts).pvalue > 0.001
