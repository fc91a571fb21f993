from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from recsys import config
from recsys.errors import BadInput
from recsys.features import schema, statistics
from recsys.workspace import Workspace


def infer(**columns: Any) -> dict[str, Any]:
    table = ibis.memtable(pa.table(columns))
    inferred = schema.infer(statistics.compute(config.Engine(), {"queries": table}))
    return {feature.name: feature for feature in inferred.feature}


USERS = [f"u{i}" for i in range(1_000)]


def test_types_presence_and_valency_are_as_found() -> None:
    found = infer(
        user_id=USERS,
        price=[1.5] * 1_000,
        position=[1] * 1_000,
        age=[None] * 400 + [30.0] * 600,
        apps=[["a", "b"], ["a"]] * 500,
        never=pa.nulls(1_000, pa.string()),
    )
    types = {name: schema_pb2.FeatureType.Name(feature.type) for name, feature in found.items()}
    assert types == {
        "user_id": "BYTES",
        "price": "FLOAT",
        "position": "INT",
        "age": "FLOAT",
        "apps": "BYTES",
        "never": "TYPE_UNKNOWN",
    }
    assert found["price"].presence.min_fraction == pytest.approx(0.99)
    assert found["age"].presence.min_fraction == pytest.approx(0.59)
    assert found["never"].presence.min_count == 0
    assert (found["price"].value_count.min, found["price"].value_count.max) == (1, 1)
    assert found["apps"].value_count.max == 0


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


def test_nan_is_allowed_where_there_was_some() -> None:
    found = infer(user_id=USERS, good=[1.0] * 1_000, bad=[float("nan"), 1.0] * 500)
    assert found["good"].float_domain.disallow_nan
    assert found["good"].float_domain.disallow_inf
    assert not found["bad"].float_domain.disallow_nan


def test_versions_are_kept_with_who_approved_them_and_why(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert schema.latest(workspace) is None
    first = schema_pb2.Schema(feature=[schema_pb2.Feature(name="country")])
    second = schema_pb2.Schema(feature=[schema_pb2.Feature(name="device")])
    assert schema.approve(workspace, first, "inferred") == 1
    assert schema.approve(workspace, second, "devices were added") == 2
    assert schema.versions(workspace) == [1, 2]
    assert schema.load(schema.path_of(workspace, 1)) == first
    assert schema.load(schema.path_of(workspace, 2)) == second
    approval = schema.approval(workspace, 2)
    assert approval["why"] == "devices were added"
    assert approval["who"]
    assert schema.digest(workspace, 1) != schema.digest(workspace, 2)


def test_a_schema_broken_by_hand_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text("feature { nmae: 'country' }")
    with pytest.raises(BadInput, match=r"not a text Schema.*nmae"):
        schema.load(tmp_path / "schema.pbtxt")
