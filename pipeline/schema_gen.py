"""SchemaGen: what examples are expected to look like.

The schema is inferred once, from the first span that is run, and is then people's: a span is
validated against the last version that someone approved.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.artifacts import ExampleStatistics, Reference
from recsys.config import Config
from recsys.errors import BadInput
from recsys.features import schema, spec, statistics
from recsys.workspace import Workspace


def approved(workspace: Workspace, seen: ExampleStatistics) -> Reference:
    """The version that counts now; infers the first one where there is none.

    Raises:
        BadInput: the first span lacks a column that a feature is declared over.
    """
    version = schema.latest(workspace)
    if version is None:
        inferred = _inferred(statistics.load(seen.statistics), workspace.config)
        version = schema.approve(workspace, inferred, f"inferred from span {seen.record.span}")
    return Reference("schema", f"version={version}", schema.digest(workspace, version)[:16])


def schema_gen(workspace: Workspace, version: Reference, out: Path) -> None:
    """Writes `schema.pbtxt`, the approved version."""
    source = workspace.schema / version.span / schema.SCHEMA
    shutil.copyfile(source, out / schema.SCHEMA)


def _inferred(seen: statistics.DatasetFeatureStatisticsList, config: Config) -> schema.Schema:
    found = statistics.features(seen)
    for column in spec.columns(config.features):
        if column not in found:
            raise BadInput(
                f"the logs have no column {column!r}, which a feature is declared over: add it to "
                "the logs, or take the feature out of recsys.toml."
            )
    inferred = schema.infer(seen)
    # Only where impressions are logged is one day's volume like another's.
    if statistics.common(found["position"]).num_non_missing:
        num_examples = {dataset.name: dataset.num_examples for dataset in seen.datasets}
        schema.require_examples(inferred, num_examples["examples"])
    return inferred
