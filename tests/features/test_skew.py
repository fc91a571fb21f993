from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recsys.features.skew import NUM_EXAMPLES, Difference, FeatureSkew, Replay, Skew

WHOLE = FeatureSkew(10, 8, 9, num_differing=3, num_missing_served=2, num_missing_trained=1)


def test_it_comes_back_from_the_disk_as_it_was(tmp_path: Path) -> None:
    examples = (Difference("r1", "a1", ["x"], None), Difference("r2", None, 1.5, 2))
    features = {"price": FeatureSkew(5, 4, 3, 2, 1, 0, examples), "country": WHOLE}
    skew = Skew(7, 6, features, Replay(5, 1, 0.25, 0.5, {"v1": "it is gone"}))
    skew.save(tmp_path / "skew.json")
    assert Skew.load(tmp_path / "skew.json") == skew
    assert json.loads((tmp_path / "skew.json").read_text())["num_served"] == 7


def test_a_share_of_nothing_is_none() -> None:
    assert WHOLE.differing_share == pytest.approx(0.3)
    assert replace(WHOLE, num_joined=0, num_differing=0).differing_share == 0


def test_never_is_said_only_where_the_other_side_has_values() -> None:
    assert replace(WHOLE, num_served=0).is_never_served
    assert not replace(WHOLE, num_served=0, num_trained=0).is_never_served
    assert not WHOLE.is_never_served
    assert replace(WHOLE, num_trained=0).is_never_trained
    assert not replace(WHOLE, num_trained=0, num_served=0).is_never_trained


def test_parts_of_a_day_add_up() -> None:
    shown = tuple(Difference(f"r{n}", None, "no", "NO") for n in range(4))
    one = FeatureSkew(10, 10, 10, 4, 0, 0, shown)
    other = FeatureSkew(6, 0, 6, 6, 6, 0, shown, snapshot_age_days=3)
    first = Skew(12, 10, {"country": one}, Replay(5, 0, 1e-8, 1e-7))
    second = Skew(8, 6, {"country": other, "age": other}, Replay(2, 1, 0.5, 0.4, {"v2": "gone"}))
    whole = first + second
    assert (whole.num_served, whole.num_joined) == (20, 16)
    assert whole.features["age"] == other
    both = whole.features["country"]
    assert (both.num_joined, both.num_served, both.num_differing) == (16, 10, 10)
    assert (both.num_missing_served, both.is_never_served) == (6, False)
    assert (len(both.examples), both.snapshot_age_days) == (NUM_EXAMPLES, 3)
    assert whole.replay == Replay(7, 1, 0.5, 0.4, {"v2": "gone"})
    assert Skew() + first == first
