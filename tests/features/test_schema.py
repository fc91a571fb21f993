import datetime as dt
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from recsys.errors import BadInput
from recsys.features import schema
from recsys.features.schema import Decision, Expectations
from recsys.workspace import Workspace

FIRST, SECOND = dt.date(2024, 3, 1), dt.date(2024, 3, 9)


def expecting(name: str) -> Expectations:
    reference = statistics_pb2.DatasetFeatureStatisticsList()
    reference.datasets.add(name="queries", num_examples=len(name))
    return Expectations(schema_pb2.Schema(feature=[schema_pb2.Feature(name=name)]), reference)


def test_versions_are_kept_with_who_approved_them_and_why(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert schema.latest(workspace) is None
    decision = Decision("2024-03-09", "device", "New column", "add feature")
    assert schema.approve(workspace, expecting("country"), "inferred", FIRST) == 1
    assert schema.approve(workspace, expecting("device"), "it is new", SECOND, [decision]) == 2
    assert schema.versions(workspace) == [1, 2]
    assert schema.load(schema.folder_of(workspace, 1)) == expecting("country")
    assert schema.load(schema.folder_of(workspace, 2)) == expecting("device")
    approval = schema.approval(workspace, 2)
    assert (approval["why"], approval["since"]) == ("it is new", "2024-03-09")
    assert approval["who"]
    assert approval["decisions"] == [
        {"day": "2024-03-09", "name": "device", "anomaly": "New column", "change": "add feature"}
    ]


def test_a_version_counts_from_the_first_day_that_it_was_approved_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert schema.in_force(workspace, FIRST) is None
    schema.approve(workspace, expecting("country"), "inferred", FIRST)
    schema.approve(workspace, expecting("device"), "it is new", SECOND)
    before = FIRST - dt.timedelta(days=1)
    in_force = [schema.in_force(workspace, day) for day in (before, FIRST, SECOND)]
    assert in_force == [1, 1, 2]


def test_the_digest_is_of_the_schema_and_of_its_reference(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    same_schema = expecting("country")
    same_schema.reference.datasets[0].num_examples = 1
    for expected in (expecting("country"), same_schema, expecting("country")):
        schema.approve(workspace, expected, "a reason", FIRST)
    first, second, third = (schema.digest(workspace, version) for version in (1, 2, 3))
    assert first == third != second


def test_a_schema_broken_by_hand_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text("feature { nmae: 'country' }")
    with pytest.raises(BadInput, match=r"not a text Schema.*nmae"):
        schema.load(tmp_path)
