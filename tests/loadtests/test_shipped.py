from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from loadtests import ab_run
from loadtests.shipped import Shipped, names, shipped
from loadtests.trained import settings
from recsys import config
from recsys.errors import BadInput

HALVES = {"control": {"share": 0.5, "bundle": "usual"}, "treatment": {"share": 0.5}}


def test_those_of_the_papers_ship() -> None:
    assert names() == [
        *("aa", "interleaved", "kinds", "logq"),
        *("skew", "skew-of-history", "staleness", "two-stage-vs-popular"),
    ]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_each_can_be_declared_with_its_bundles(name: str, preset: str) -> None:
    one = shipped(name)
    assert one.question.endswith("?") or one.question.endswith(")?")
    versions = {label: f"2024-03-14-{label}" for label in one.bundles}
    declared = ab_run.declared(name, one, preset, {}, versions)
    experiment = config.parse(_read(declared), "test").experiments[name]
    assert experiment.horizon_days == one.num_days
    for arm, told in one.experiment.arms.items():
        assert experiment.arms[arm].bundle == versions.get(told.bundle, "")
        assert experiment.arms[arm].simulated == told.simulated
    for changes in one.bundles.values():
        assert settings(preset, changes).world == config.preset(preset).world


def _read(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def test_arms_name_bundles_that_are_there() -> None:
    with pytest.raises(ValueError, match="arms name the bundles usual, expected some of other"):
        Shipped.model_validate(
            {
                "question": "?",
                "bundles": {"other": {}},
                "num_users": 100,
                "num_days": 1,
                "experiment": {"arms": HALVES},
            }
        )


def test_what_does_not_ship_is_refused() -> None:
    with pytest.raises(
        BadInput, match="experiment 'none' does not ship, expected one of aa, interleaved"
    ):
        shipped("none")


def test_they_are_listed() -> None:
    command = [sys.executable, "-m", "recsys", "ab", "list", "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    listed = json.loads(said.splitlines()[-1])
    assert list(listed) == names() and listed["aa"] == shipped("aa").question
