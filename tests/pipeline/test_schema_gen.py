import datetime as dt
from functools import partial
from pathlib import Path

from daily_logs import DAY, make_workspace
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipeline.artifacts import Reference, Schema
from pipeline.schema_gen import inference, schema_gen
from pipeline.store import Store
from recsys import config
from recsys.features import schema, statistics
from recsys.features.schema import Expectations


def test_an_artifact_holds_the_version_with_its_reference(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    reference = statistics_pb2.DatasetFeatureStatisticsList()
    reference.datasets.add(name="examples", num_examples=7)
    expected = Expectations(schema_pb2.Schema(), reference)
    version = schema.approve(workspace, expected, "inferred", DAY)
    read = Reference("schema", f"version={version}", schema.digest(workspace, version))
    step = partial(schema_gen, workspace, read)
    artifact, _ = Store(workspace).run(Schema, step, dt.date(2024, 3, 2), reads=[read])
    assert statistics.load(artifact.reference) == reference
    assert schema.load(artifact.path) == expected


def test_what_models_read_keys_and_labels_are_in_use() -> None:
    policy = inference(config.preset("tiny"))
    assert {"country", "price", "time", "user_id", "app_id", "clicked", "installed"} <= set(
        policy.used
    )
    assert "title" not in policy.used
    assert {"position", "clicked", "installed"} <= set(policy.not_served)
