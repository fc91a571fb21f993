from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from recsys import config
from recsys.features import anomalies, integrity, statistics
from recsys.features.anomalies import Day
from recsys.features.inference import Inference
from recsys.features.schema import Expectations
from recsys.features.skew import Difference, FeatureSkew, Replay, Skew

Info = anomalies_pb2.AnomalyInfo
Types = statistics_pb2.FeatureNameStatistics
NO_FIGURES: Mapping[str, float | str] = {}

CLEAN: dict[str, Any] = {
    "app_id": [f"a{i}" for i in range(1_000)],
    "position": [1, 2] * 500,
    "category": ["Tools", "Games"] * 500,
    "price": [0.0, 1.0] * 500,
    "note": ["n"] * 1_000,
}
POLICY = Inference(
    config.Validation(),
    used={"app_id", "position", "category", "price"},
    not_served={"position"},
)


def seen(**changes: Any) -> Any:
    columns = {name: values for name, values in (CLEAN | changes).items() if values is not None}
    return statistics.compute(config.Engine(), {"examples": ibis.memtable(pa.table(columns))})


def with_keys(seen: Any, table: str, figures: Mapping[str, float | str] = NO_FIGURES) -> Any:
    """Adds the key `request_id` of a table, with these figures."""
    dataset = seen.datasets.add(name=table, num_examples=2_400)
    key = dataset.features.add(type=Types.STRING)
    key.path.step.extend((table, "request_id"))
    key.string_stats.common_stats.num_non_missing = 2_400
    for name, figure in figures.items():
        if isinstance(figure, str):
            key.custom_stats.add(name=name, str=figure)
        else:
            key.custom_stats.add(name=name, num=figure)
    return seen


def with_hours(seen: Any, hours: list[int], first: int = 0, last: int = 86_399) -> Any:
    """Adds the times of requests."""
    dataset = seen.datasets.add(name="requests", num_examples=sum(hours))
    times = dataset.features.add(type=Types.INT)
    times.path.step.extend(("requests", integrity.TIME))
    times.num_stats.common_stats.num_non_missing = sum(hours)
    times.num_stats.min, times.num_stats.max = first, last
    histogram = times.num_stats.histograms.add()
    for hour, num in enumerate(hours):
        low = 3_600.0 * hour
        histogram.buckets.add(low_value=low, high_value=low + 3_600, sample_count=num)
    return seen


def expecting(seen: Any) -> Expectations:
    return Expectations(POLICY.schema(seen), seen)


@pytest.fixture(scope="module")
def expected() -> Expectations:
    return expecting(seen())


def found(day: Any, expected: Expectations, **more: Any) -> dict[str, Any]:
    validated = anomalies.validate(Day(day, expected, POLICY, **more))
    return dict(validated.anomaly_info)


def only(day: Any, expected: Expectations, name: str, **more: Any) -> Any:
    infos = found(day, expected, **more)
    assert list(infos) == [name]
    return infos[name]


def kinds(info: Any) -> list[int]:
    return [reason.type for reason in info.reason]


def test_the_data_that_a_schema_was_inferred_from_has_none(expected: Expectations) -> None:
    validated = anomalies.validate(Day(seen(), expected, POLICY))
    assert not validated.anomaly_info
    assert not validated.HasField("dataset_anomaly_info")
    assert anomalies.rows(validated) == []


def test_new_ids_are_no_anomaly(expected: Expectations) -> None:
    assert not found(seen(app_id=[f"new{i}" for i in range(1_000)]), expected)


def test_new_and_missing_columns(expected: Expectations) -> None:
    infos = found(seen(category=None, kind=["a"] * 1_000), expected)
    assert kinds(infos["kind"]) == [Info.SCHEMA_NEW_COLUMN]
    assert kinds(infos["category"]) == [Info.SCHEMA_MISSING_COLUMN]


def test_what_no_model_reads_only_warns(expected: Expectations) -> None:
    validated = anomalies.validate(Day(seen(category=None, note=None), expected, POLICY))
    assert validated.anomaly_info["category"].severity == Info.ERROR
    assert validated.anomaly_info["note"].severity == Info.WARNING
    assert [(row.name, row.severity) for row in anomalies.rows(validated)] == [
        ("category", "error"),
        ("note", "warning"),
    ]
    assert len(anomalies.errors(validated)) == 1


def test_a_type_change(expected: Expectations) -> None:
    info = only(seen(price=["0", "1"] * 500), expected, "price")
    assert kinds(info) == [Info.UNEXPECTED_DATA_TYPE]
    assert info.description == "values are BYTES, expected FLOAT"


def test_presence_too_low(expected: Expectations) -> None:
    info = only(seen(price=[None] * 100 + [0.0, 1.0] * 450), expected, "price")
    assert kinds(info) == [Info.FEATURE_TYPE_LOW_FRACTION_PRESENT]
    assert "in 90.0% of rows, expected at least 97.0%" in info.description
    gone = only(seen(price=pa.nulls(1_000, pa.float64())), expected, "price")
    assert kinds(gone) == [Info.FEATURE_TYPE_LOW_NUMBER_PRESENT]


def test_a_few_users_may_lack_a_value_by_chance() -> None:
    few = {name: values[:20] for name, values in CLEAN.items()}
    expected = expecting(seen(note=["a", None] * 500))
    assert "note" not in found(seen(**few | {"note": ["a", None, None, None] * 5}), expected)
    info = found(seen(note=["a", None, None, None] * 250), expected)["note"]
    assert "in 25.0% of rows, expected at least 38.9%" in info.description


def test_values_outside_a_domain_count_by_their_mass(expected: Expectations) -> None:
    rare = ["Tools", "Games"] * 498 + ["Maps"] * 4
    assert not found(seen(category=rare), expected)
    often = ["Tools", "Games"] * 480 + ["Maps"] * 30 + ["tools"] * 10
    info = only(seen(category=often), expected, "category")
    assert kinds(info) == [Info.ENUM_TYPE_UNEXPECTED_STRING_VALUES]
    assert "4.0% of values are outside the domain" in info.description
    assert "'Maps' (30), 'tools' (10)" in info.description


def test_numbers_out_of_range(expected: Expectations) -> None:
    info = only(seen(price=[-1.0] * 10 + [0.0, 1.0] * 495), expected, "price")
    assert kinds(info) == [Info.FLOAT_TYPE_SMALL_FLOAT]
    assert info.description == "values reach down to -1, expected at least 0"
    info = only(seen(price=[0.0, 1.0] * 495 + [500.0] * 10), expected, "price")
    assert kinds(info) == [Info.FLOAT_TYPE_BIG_FLOAT]
    assert "values reach up to 500" in info.description
    info = only(seen(position=[1, 2] * 495 + [-1] * 10), expected, "position")
    assert kinds(info) == [Info.INT_TYPE_SMALL_INT]


def test_nan_and_infinity(expected: Expectations) -> None:
    odd = [float("nan")] * 3 + [float("-inf")] * 2
    info = only(seen(price=odd + [0.0, 1.0] * 500, **longer(5, "price")), expected, "price")
    assert {Info.FLOAT_TYPE_HAS_NAN, Info.FLOAT_TYPE_HAS_INF} <= set(kinds(info))
    assert "3 values are NaN, expected none" in info.description
    assert "2 values are infinite, expected none" in info.description


def longer(num: int, but: str) -> dict[str, Any]:
    """The clean columns with some more rows, without one."""
    return {name: values + values[:num] for name, values in CLEAN.items() if name != but}


def test_too_many_and_too_few_values(expected: Expectations) -> None:
    info = only(seen(category=[["Tools", "Games"]] * 1_000), expected, "category")
    assert kinds(info) == [Info.FEATURE_TYPE_HIGH_NUMBER_VALUES]
    fewer = expected.copy()
    for feature in fewer.schema.feature:
        feature.value_count.min = feature.value_count.max = 2
    info = found(seen(), fewer)["note"]
    assert kinds(info) == [Info.FEATURE_TYPE_LOW_NUMBER_VALUES]
    assert info.description == "some rows have 1 values, expected at least 2"


def test_too_few_examples(expected: Expectations) -> None:
    few = seen(**{name: values[:100] for name, values in CLEAN.items()})
    validated = anomalies.validate(Day(few, expected, POLICY))
    assert not validated.anomaly_info
    assert kinds(validated.dataset_anomaly_info) == [
        Info.DATASET_LOW_NUM_EXAMPLES,
        Info.COMPARATOR_LOW_NUM_EXAMPLES,
    ]
    assert anomalies.errors(validated) == [
        "dataset: the span has 100 examples, expected at least 200",
        "dataset: the span has 100 examples, the last one that passed 1,000, expected at least 500",
    ]


def test_a_volume_is_odd_when_the_last_day_and_the_reference_say_so(
    expected: Expectations,
) -> None:
    many = seen(**{name: values * 3 for name, values in CLEAN.items()})
    validated = anomalies.validate(Day(many, expected, POLICY, last=seen()))
    assert kinds(validated.dataset_anomaly_info) == [Info.COMPARATOR_HIGH_NUM_EXAMPLES]
    # The day after a big one is not blamed for being as the reference was.
    assert not anomalies.rows(anomalies.validate(Day(seen(), expected, POLICY, last=many)))
    assert not anomalies.rows(anomalies.validate(Day(many, expected, POLICY, last=many)))


@pytest.mark.parametrize(
    ("figure", "says"),
    [
        ("duplicate", "5.00% of rows repeat another row's key"),
        ("unlinked", "5.00% of rows name one that does not exist"),
        ("repeated", "5.00% of rows have a key that the day before had too"),
    ],
)
def test_keys(figure: str, says: str) -> None:
    expected = expecting(with_keys(seen(), "impressions"))
    share, examples = f"{figure}_share", f"{figure}_examples"
    assert not found(with_keys(seen(), "impressions", {share: 0.0009}), expected)
    broken = with_keys(seen(), "impressions", {share: 0.05, examples: "r1, r9"})
    info = only(broken, expected, "impressions.request_id")
    assert info.severity == Info.ERROR
    assert list(info.path.step) == ["impressions", "request_id"]
    assert says in info.description
    assert info.description.endswith("such as r1, r9")
    [row] = anomalies.rows(anomalies.validate(Day(broken, expected, POLICY)))
    assert row.remedy.startswith("mend upstream: ")


def test_a_table_that_is_late() -> None:
    expected = expecting(with_keys(seen(), "outcomes"))
    info = only(seen(), expected, "outcomes")
    assert kinds(info) == [Info.NO_DATA_IN_SPAN]
    assert info.description == "the day has no outcomes, the reference has 2,400"


def test_a_snapshot_that_is_late() -> None:
    age = integrity.SNAPSHOT_AGE_DAYS
    expected = expecting(with_keys(seen(), "users", {age: 1.0}))
    assert not found(with_keys(seen(), "users", {age: 1.0}), expected)
    info = only(with_keys(seen(), "users", {age: 2.0}), expected, "users.request_id")
    assert info.description == "the snapshot of users is 2 days old, expected at most 1 day"


def test_imported_days_are_never_late() -> None:
    columns = {"position": pa.nulls(1_000, pa.int32())}
    expected = expecting(with_keys(seen(**columns), "users", {integrity.SNAPSHOT_AGE_DAYS: 0.0}))
    later = with_keys(seen(**columns), "users", {integrity.SNAPSHOT_AGE_DAYS: 90.0})
    assert not found(later, expected)
    assert not found(seen(**columns), expected)


def test_hours_without_a_row() -> None:
    expected = expecting(with_hours(seen(), [100] * 22 + [29, 29]))
    assert not found(with_hours(seen(), [50] * 22 + [0, 0]), expected)
    info = only(
        with_hours(seen(), [0, 0] + [100] * 10 + [0] + [100] * 11), expected, "requests.time"
    )
    assert info.description == "3 hours have no requests: 00:00-02:00, 12:00-13:00 (UTC)"


def test_times_of_another_day() -> None:
    expected = expecting(with_hours(seen(), [100] * 24))
    early = with_hours(seen(), [100] * 24, first=-28_800)
    info = only(early, expected, "requests.time")
    assert kinds(info) == [Info.INT_TYPE_SMALL_INT]
    assert info.severity == Info.ERROR
    assert info.description == "values reach down to -28,800, expected at least 0"


def differing(num: int, **counts: int) -> FeatureSkew:
    of = {"num_served": 200, "num_trained": 200, "num_missing_served": 0, "num_missing_trained": 0}
    example = Difference("r1", "a1", 1.0, 100.0)
    return FeatureSkew(num_joined=200, num_differing=num, **(of | counts), examples=(example,))


def test_skew(expected: Expectations) -> None:
    def skewed(feature: FeatureSkew, name: str = "price") -> dict[str, Any]:
        skew = Skew(num_served=20, num_joined=20, features={name: feature})
        return found(seen(), expected, skew=skew)

    assert not skewed(differing(2))
    assert not skewed(differing(200), "position")  # no server knows it
    assert not skewed(differing(200), "unheard_of")
    info = skewed(differing(50))["price"]
    assert kinds(info) == [Info.SCHEMA_TRAINING_SERVING_SKEW]
    assert info.description == (
        "25.0% of 200 rows differ between serving and training, expected at most 1.0%: "
        "served 1.0, trained 100.0"
    )
    info = skewed(differing(180, num_served=0, num_missing_served=180))["price"]
    assert info.short_description == "Never served"
    info = skewed(differing(180, num_trained=0, num_missing_trained=180))["price"]
    assert info.short_description == "Never in training"


def test_an_old_bundles_apps_differ_for_their_age_alone(expected: Expectations) -> None:
    for days, is_found in ((1, True), (2, True), (3, False)):
        features = {"price": differing(50, snapshot_age_days=days)}
        skew = Skew(num_served=20, num_joined=20, features=features)
        assert bool(found(seen(), expected, skew=skew)) == is_found


def test_scores_that_come_out_otherwise(expected: Expectations) -> None:
    replay = Replay(num_replayed=200, num_differing=3, max_relative_difference=0.0123)
    skew = Skew(num_served=200, num_joined=200, replay=replay)
    info = anomalies.validate(Day(seen(), expected, POLICY, skew=skew)).dataset_anomaly_info
    assert info.short_description == "Scores not repeated"
    assert info.description == (
        "3 of 200 served pages scored again have other scores, by up to 1.23% of themselves, "
        "expected at most 0.001%"
    )
    same = Skew(num_served=200, num_joined=200, replay=Replay(num_replayed=200))
    validated = anomalies.validate(Day(seen(), expected, POLICY, skew=same))
    assert not validated.HasField("dataset_anomaly_info")


@pytest.mark.parametrize("stage", ["DEPRECATED", "DISABLED", "DEBUG_ONLY", "ALPHA", "PLANNED"])
def test_a_stage_that_nobody_relies_on_is_not_judged(stage: str, expected: Expectations) -> None:
    relaxed = expected.copy()
    for feature in relaxed.schema.feature:
        if feature.name == "category":
            feature.lifecycle_stage = schema_pb2.LifecycleStage.Value(stage)
    assert not found(seen(category=["x"] * 1_000), relaxed)
    assert not found(seen(category=None), relaxed)


def test_rows_carry_what_to_do_through_the_file(expected: Expectations, tmp_path: Path) -> None:
    day = seen(category=None, price=[float("inf")] * 10 + [0.0, 1.0] * 495)
    validated = anomalies.validate(Day(day, expected, POLICY))
    anomalies.save(validated, tmp_path / "anomalies.pbtxt")
    loaded = anomalies.load(tmp_path / "anomalies.pbtxt")
    assert loaded == validated
    assert loaded.baseline == expected.schema
    rows = {row.name: row for row in anomalies.rows(loaded)}
    assert rows["category"].remedy == "deprecate feature"
    assert rows["category"].kind == "SCHEMA_MISSING_COLUMN"
    assert rows["category"].description == "the column is in the schema, but not in the data"
    assert rows["price"].remedy == "mend upstream: write null where there is no value"
    assert anomalies.errors(loaded) == [
        "category: the column is in the schema, but not in the data",
        "price: 10 values are infinite, expected none",
    ]
