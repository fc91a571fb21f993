from typing import Any

import ibis
import pyarrow as pa
import pytest

from recsys import config
from recsys.features import anomalies, proposals, statistics
from recsys.features.anomalies import Day
from recsys.features.inference import Inference
from recsys.features.schema import Expectations

APPS = [f"a{i}" for i in range(1_000)]
CLEAN: dict[str, Any] = {
    "app_id": APPS,
    "position": [1, 2] * 500,
    "category": ["Tools", "Games"] * 500,
    "price": [0.0, 1.0] * 500,
    "apps": [["x"], ["x", "y"]] * 500,
}
POLICY = Inference(config.Validation(), used=set(CLEAN))


def seen(**changes: Any) -> Any:
    columns = {name: values for name, values in (CLEAN | changes).items() if values is not None}
    return statistics.compute(config.Engine(), {"examples": ibis.memtable(pa.table(columns))})


def inferred(day: Any) -> Expectations:
    return Expectations(POLICY.schema(day), day)


def judged(day: Any, expected: Expectations) -> list[anomalies.Finding]:
    return list(anomalies.findings(Day(day, expected, POLICY)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"category": ["Tools", "Maps"] * 500}, "add value to domain: 'Maps'"),
        ({"category": ["Tools", "Maps", "Art", "Tools"] * 250}, "'Art', 'Maps'"),
        ({"category": [f"c{i}" for i in range(1_000)]}, "expect any value"),
        ({"category": None}, "deprecate feature"),
        ({"network": ["5g"] * 1_000}, "add feature"),
        ({"price": [1, 2] * 500}, "expect INT values"),
        ({"price": [None, 1.0] * 500}, "expect a value in at least"),
        ({"price": pa.nulls(1_000, pa.float64())}, "let it be missing everywhere"),
        ({"category": [["Tools"], ["Tools", "Games"]] * 500}, "expect 1 to 20 values a row"),
        ({"apps": [["x"] * 30] * 1_000}, "expect 1 to 300 values a row"),
        ({"price": [-1.0, 1.0] * 500}, "widen range to [-10, 10]"),
        ({"price": [0.0, 100.0] * 500}, "widen range to [0, 1000]"),
        ({"category": ["Tools"] * 900 + ["Games"] * 100}, "take this day as a reference too"),
        ({"price": [0.0] * 900 + [1.0] * 100}, "take this day as a reference too"),
        ({name: values[:150] for name, values in CLEAN.items()}, "expect at least 30 examples"),
        ({name: values[:300] for name, values in CLEAN.items()}, "number of examples"),
        ({name: values * 3 for name, values in CLEAN.items()}, "number of examples"),
    ],
)
def test_an_accepted_proposal_settles_its_anomaly_and_no_other(
    changes: dict[str, Any], text: str
) -> None:
    expected, day = inferred(seen()), seen(**changes)
    found = judged(day, expected)
    assert any(text in finding.remedy.text for finding in found)
    before = expected.copy()
    accepted = proposals.accept(expected, [finding.remedy for finding in found])
    assert expected == before
    assert judged(day, accepted) == []
    # What else was expected still is: a value that nobody ever saw.
    stranger = seen(**(changes | {"position": ["first"] * len(changes.get("position", APPS))}))
    assert [one.name for one in judged(stranger, accepted)] == ["position"]


@pytest.mark.parametrize(
    "changes",
    [
        {"category": ["Tools", "Maps"] * 500},
        {"category": None},
        {"network": ["5g"] * 1_000},
        {"price": [None, 1.0] * 500},
        {"price": [-1.0, 1.0] * 500},
        {"apps": [["x"] * 30] * 1_000},
    ],
)
def test_a_schema_that_was_widened_lets_pass_what_passed(changes: dict[str, Any]) -> None:
    expected = inferred(seen())
    accepted = proposals.accept(
        expected, [finding.remedy for finding in judged(seen(**changes), expected)]
    )
    settled = Expectations(accepted.schema, expected.reference)
    assert judged(seen(), settled) == []


def test_what_no_schema_makes_right_is_mended_upstream() -> None:
    expected = inferred(seen())
    [nan] = judged(seen(price=[float("nan")] * 10 + [0.0, 1.0] * 495), expected)
    assert nan.remedy.apply is None
    assert nan.remedy.text.startswith("mend upstream: ")
    assert proposals.accept(expected, [nan.remedy]) == expected


def test_a_new_feature_has_a_reference_to_drift_from() -> None:
    expected = inferred(seen())
    network = ["5g", "4g"] * 500
    day = seen(network=network)
    accepted = proposals.accept(expected, [one.remedy for one in judged(day, expected)])
    moved = seen(network=["5g"] * 900 + ["4g"] * 100)
    assert [one.short for one in judged(moved, accepted)] == ["Drift"]


def test_the_days_after_an_odd_one_that_was_agreed_to_may_be_as_before() -> None:
    expected = inferred(seen())
    odd = seen(category=["Tools"] * 900 + ["Games"] * 100)
    accepted = proposals.accept(expected, [one.remedy for one in judged(odd, expected)])
    after_it = Day(seen(), accepted, POLICY, last=odd)
    assert list(anomalies.findings(after_it)) == []
    other = Day(seen(category=["Tools"] * 100 + ["Games"] * 900), accepted, POLICY, last=odd)
    assert [one.short for one in anomalies.findings(other)] == ["Drift"]


def test_only_the_features_that_were_approved_get_a_new_reference() -> None:
    expected = inferred(seen())
    day = seen(category=["Tools"] * 900 + ["Games"] * 100, price=[0.0] * 900 + [1.0] * 100)
    found = judged(day, expected)
    assert [one.name for one in found] == ["category", "price"]
    accepted = proposals.accept(expected, [found[0].remedy])
    assert [one.name for one in judged(day, accepted)] == ["price"]


def test_few_values_are_listed_as_python_writes_them() -> None:
    assert proposals.listed(["a\n", "b"]) == r"'a\n', 'b'"
    assert proposals.listed([f"v{i}" for i in range(1_007)]).endswith("'v4' and 1,002 more")
