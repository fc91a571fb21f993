from typing import Any

import ibis
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from recsys import config
from recsys.features import inference, integrity, statistics
from recsys.features.inference import Inference

USERS = [f"u{i}" for i in range(1_000)]


def compute(name: str, **columns: Any) -> Any:
    return statistics.compute(config.Engine(), {name: ibis.memtable(pa.table(columns))})


def infer(**columns: Any) -> dict[str, Any]:
    """The features of a schema of queries, by name; models read `country`."""
    inferred = Inference(config.Validation(), used={"country"}).schema(
        compute("queries", **columns)
    )
    return {feature.name: feature for feature in inferred.feature}


def test_types_presence_and_valency_are_as_found() -> None:
    found = infer(
        user_id=USERS,
        price=[1.5] * 1_000,
        number=[1] * 1_000,
        age=[None] * 400 + [30.0] * 600,
        apps=[["a", "b"], ["a"]] * 500,
        never=pa.nulls(1_000, pa.string()),
    )
    types = {name: schema_pb2.FeatureType.Name(feature.type) for name, feature in found.items()}
    assert types == {
        "user_id": "BYTES",
        "price": "FLOAT",
        "number": "INT",
        "age": "FLOAT",
        "apps": "BYTES",
        "never": "TYPE_UNKNOWN",
    }
    assert found["price"].presence.min_fraction == pytest.approx(0.99)
    assert found["age"].presence.min_fraction == pytest.approx(0.59)
    assert found["never"].presence.min_count == 0
    assert (found["price"].value_count.min, found["price"].value_count.max) == (1, 1)
    assert found["apps"].value_count.min == 1


def test_small_vocabularies_become_domains_and_ids_do_not() -> None:
    found = infer(
        user_id=USERS,
        device=["phone", "tablet"] * 500,
        city=[f"city{i % 90}" for i in range(1_000)],
    )
    assert list(found["device"].string_domain.value) == ["phone", "tablet"]
    assert not found["user_id"].HasField("string_domain")
    assert not found["city"].HasField("string_domain")


def test_one_busy_user_proves_no_domain() -> None:
    found = infer(user_id=["u"] * 1_000, occupation=["writer", "doctor"] * 500)
    assert not found["occupation"].HasField("string_domain")


def test_ranges_have_room_and_keep_their_sign() -> None:
    found = infer(
        user_id=USERS,
        price=[0.0, 5.0] * 500,
        change=[-2.0, 3.0] * 500,
        debt=[-4.0, -1.0] * 500,
        nothing=[0.0] * 1_000,
        number=[1, 7] * 500,
    )
    price, change, debt = (found[name].float_domain for name in ("price", "change", "debt"))
    assert (price.min, price.max) == (0, 50)
    assert (change.min, change.max) == (-20, 30)
    assert (debt.min, debt.max) == (-40, 0)
    assert found["nothing"].float_domain.min == 0
    assert not found["nothing"].float_domain.HasField("max")
    assert (found["number"].int_domain.min, found["number"].int_domain.max) == (0, 70)


def test_clocks_have_no_range_and_do_not_drift() -> None:
    clock = [1_709_251_200 + i * 86 for i in range(1_000)]
    big = [i * 10**6 for i in range(1_000)]
    seen = compute("examples", app_id=USERS, position=[1] * 1_000, clock=clock, big=big)
    inferred = Inference(config.Validation()).schema(seen)
    found = {feature.name: feature for feature in inferred.feature}
    assert not found["clock"].HasField("int_domain")
    assert not found["clock"].HasField("drift_comparator")
    assert found["position"].int_domain.max == 10
    assert found["big"].drift_comparator.HasField("jensen_shannon_divergence")


def test_nan_is_allowed_where_there_was_some() -> None:
    found = infer(user_id=USERS, good=[1.0] * 1_000, bad=[float("nan"), 1.0] * 500)
    assert found["good"].float_domain.disallow_nan
    assert found["good"].float_domain.disallow_inf
    assert not found["bad"].float_domain.disallow_nan


def test_what_models_read_is_in_production() -> None:
    found = infer(user_id=USERS, country=["DE", "US"] * 500, other=["a", "b"] * 500)
    assert found["country"].lifecycle_stage == schema_pb2.PRODUCTION
    assert found["other"].lifecycle_stage == schema_pb2.BETA


def test_labels_are_not_expected_in_serving() -> None:
    policy = Inference(config.Validation(), not_served={"installed"})
    seen = compute("examples", app_id=USERS, position=[1] * 1_000, installed=[True, False] * 500)
    inferred = policy.schema(seen)
    found = {feature.name: feature for feature in inferred.feature}
    assert list(inferred.default_environment) == ["TRAINING", "SERVING"]
    assert list(found["installed"].not_in_environment) == ["SERVING"]
    assert not found["installed"].HasField("skew_comparator")
    assert not found["app_id"].not_in_environment
    assert found["app_id"].skew_comparator.infinity_norm.threshold == pytest.approx(0.01)


def test_drift_and_volume_are_limited_only_where_impressions_are_logged() -> None:
    columns = {"app_id": USERS, "category": ["Tools", "Games"] * 500, "price": [0.5, 1.0] * 500}
    columns["tags"] = [["a"], ["a", "b"]] * 500
    logged = Inference(config.Validation()).schema(
        compute("examples", **columns, position=[1] * 1_000)
    )
    imported = Inference(config.Validation()).schema(
        compute("examples", **columns, position=pa.nulls(1_000, pa.int32()))
    )
    of_logged = {feature.name: feature.drift_comparator for feature in logged.feature}
    assert of_logged["category"].infinity_norm.threshold == pytest.approx(0.06)
    assert of_logged["price"].jensen_shannon_divergence.threshold == pytest.approx(0.01)
    assert not of_logged["app_id"].HasField("infinity_norm")
    most = [{f.name: f.value_count.max for f in one.feature}["tags"] for one in (logged, imported)]
    assert most == [20, 0]
    assert logged.dataset_constraints.min_examples_count == 200
    ratio = logged.dataset_constraints.num_examples_drift_comparator
    assert (ratio.min_fraction_threshold, ratio.max_fraction_threshold) == (0.5, 2.0)
    assert not any(feature.HasField("drift_comparator") for feature in imported.feature)
    assert not imported.HasField("dataset_constraints")


def test_times_of_the_logs_lie_within_their_day() -> None:
    seen = compute("queries", user_id=USERS)
    table = seen.datasets.add(name="requests", num_examples=1_000)
    for column in ("request_id", integrity.TIME):
        feature = table.features.add()
        feature.path.step.extend(("requests", column))
        feature.num_stats.common_stats.num_non_missing = 1_000
    inferred = Inference(config.Validation()).schema(seen)
    assert [feature.name for feature in inferred.feature] == ["user_id", "requests.time"]
    domain = inferred.feature[1].int_domain
    assert (domain.min, domain.max) == (0, 86_399)


def test_witnesses_are_the_different_users_of_queries() -> None:
    [queries] = compute("queries", user_id=USERS[:300] * 2).datasets
    assert inference.witnesses(queries) == 300
