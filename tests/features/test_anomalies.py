from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from recsys import config
from recsys.features import anomalies, proposals, schema, statistics

Info = anomalies_pb2.AnomalyInfo

CLEAN: dict[str, Any] = {
    "app_id": [f"a{i}" for i in range(1_000)],
    "category": ["Tools", "Games"] * 500,
    "price": [0.0, 1.0] * 500,
    "apps": [["x"], []] * 500,
}


def seen(**changes: Any) -> Any:
    columns = {name: values for name, values in (CLEAN | changes).items() if values is not None}
    return statistics.compute(config.Engine(), {"examples": ibis.memtable(pa.table(columns))})


@pytest.fixture(scope="module")
def expected() -> Any:
    inferred = schema.infer(seen())
    schema.require_examples(inferred, 1_000)
    return inferred


def found(statistics_: Any, expected: Any) -> dict[str, Any]:
    return dict(anomalies.validate(statistics_, expected).anomaly_info)


def only(statistics_: Any, expected: Any, name: str) -> Any:
    infos = found(statistics_, expected)
    assert list(infos) == [name]
    return infos[name]


def test_the_data_that_a_schema_was_inferred_from_has_none(expected: Any) -> None:
    validated = anomalies.validate(seen(), expected)
    assert not validated.anomaly_info
    assert anomalies.errors(validated) == []


def test_new_ids_are_no_anomaly(expected: Any) -> None:
    assert not found(seen(app_id=[f"new{i}" for i in range(1_000)]), expected)


def test_new_and_missing_columns(expected: Any) -> None:
    infos = found(seen(category=None, kind=["a"] * 1_000), expected)
    assert infos["kind"].reason[0].type == Info.SCHEMA_NEW_COLUMN
    assert infos["category"].reason[0].type == Info.SCHEMA_MISSING_COLUMN


def test_a_type_change(expected: Any) -> None:
    info = only(seen(price=["0", "1"] * 500), expected, "price")
    assert info.reason[0].type == Info.UNEXPECTED_DATA_TYPE
    assert info.description == "values are BYTES, expected FLOAT"


def test_presence_too_low(expected: Any) -> None:
    info = only(seen(price=[None] * 100 + [1.0] * 900), expected, "price")
    assert info.reason[0].type == Info.FEATURE_TYPE_LOW_FRACTION_PRESENT
    assert "in 90.0% of rows, expected at least 99.0%" in info.description
    gone = only(seen(price=pa.nulls(1_000, pa.float64())), expected, "price")
    assert gone.reason[0].type == Info.FEATURE_TYPE_LOW_NUMBER_PRESENT


def test_values_outside_a_domain_count_by_their_mass(expected: Any) -> None:
    rare = ["Tools"] * 995 + ["Maps"] * 5
    assert not found(seen(category=rare), expected)
    often = ["Tools"] * 960 + ["Maps"] * 30 + ["tools"] * 10
    info = only(seen(category=often), expected, "category")
    assert info.reason[0].type == Info.ENUM_TYPE_UNEXPECTED_STRING_VALUES
    assert "4.0% of values are outside the domain" in info.description
    assert "'Maps' (30), 'tools' (10)" in info.description


def test_nan_and_infinity(expected: Any) -> None:
    info = only(seen(price=[float("nan"), float("inf")] * 500), expected, "price")
    assert [reason.type for reason in info.reason] == [
        Info.FLOAT_TYPE_HAS_NAN,
        Info.FLOAT_TYPE_HAS_INF,
    ]
    assert info.description == "500 values are NaN, expected none; 500 values are infinite, " + (
        "expected none"
    )


def test_a_list_where_one_value_was_expected(expected: Any) -> None:
    info = only(seen(category=[["Tools", "Games"]] * 1_000), expected, "category")
    assert info.reason[0].type == Info.FEATURE_TYPE_HIGH_NUMBER_VALUES


def test_too_few_examples(expected: Any) -> None:
    few = seen(**{name: values[:100] for name, values in CLEAN.items()})
    validated = anomalies.validate(few, expected)
    assert not validated.anomaly_info
    assert validated.dataset_anomaly_info.reason[0].type == Info.DATASET_LOW_NUM_EXAMPLES
    assert anomalies.errors(validated) == ["the span has 100 examples, expected at least 200"]


def test_unknown_keys(expected: Any) -> None:
    linked = seen()
    key = statistics.features(linked)["app_id"]
    key.custom_stats.add(name=anomalies.UNLINKED_SHARE, num=0.0009)
    assert not found(linked, expected)
    key.custom_stats[0].num = 0.02
    info = only(linked, expected, "app_id")
    assert info.reason[0].type == Info.CUSTOM_VALIDATION
    assert "2.00% of impressions name one that does not exist" in info.description


def test_errors_name_the_feature_and_are_saved(expected: Any, tmp_path: Path) -> None:
    validated = anomalies.validate(seen(category=None), expected)
    assert anomalies.errors(validated) == [
        "category: the column is in the schema, but not in the data"
    ]
    anomalies.save(validated, tmp_path / "anomalies.pbtxt")
    assert anomalies.load(tmp_path / "anomalies.pbtxt") == validated


@pytest.mark.parametrize(
    ("changes", "change"),
    [
        ({"category": ["Tools", "Maps"] * 500}, "add values to domain"),
        ({"category": None}, "deprecate feature"),
        ({"network": ["5g"] * 1_000}, "add feature"),
        ({"price": [1, 2] * 500}, "expect the type that was found"),
        ({"price": [None, 1.0] * 500}, "expect the presence that was found"),
        ({"category": [["Tools"], ["Tools", "Games"]] * 500}, "allow any number of values"),
    ],
)
def test_an_accepted_proposal_settles_its_anomaly(
    changes: dict[str, Any], change: str, expected: Any
) -> None:
    different = seen(**changes)
    [proposal] = proposals.propose(different, expected)
    assert proposal.change == change
    before = expected.SerializeToString(deterministic=True)
    accepted = proposals.accept(expected, [proposal])
    assert expected.SerializeToString(deterministic=True) == before
    assert not found(different, accepted)
    assert not found(seen(), accepted) or change == "expect the type that was found"


def test_a_small_span_can_be_accepted_and_a_nan_cannot(expected: Any) -> None:
    few = seen(**{name: values[:100] for name, values in CLEAN.items()})
    [proposal] = proposals.propose(few, expected)
    accepted = proposals.accept(expected, [proposal])
    assert proposal.name == proposals.DATASET
    assert anomalies.errors(anomalies.validate(few, accepted)) == []
    assert proposals.propose(seen(price=[float("nan")] * 1_000), expected) == []
