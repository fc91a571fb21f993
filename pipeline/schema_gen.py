"""SchemaGen: what examples are expected to look like.

The schema is inferred once, from the first span that is run, and is then people's: a span is
validated against the last version that someone approved for it.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from pipeline.artifacts import ExampleStatistics, Reference
from pipeline.example_gen import EXAMPLE_KEYS, QUERY_KEYS
from recsys.config import Config
from recsys.errors import BadInput
from recsys.features import schema, spec, statistics
from recsys.features.inference import Inference
from recsys.features.schema import Expectations
from recsys.workspace import Workspace

NOT_SERVED = ("position", "clicked", "installed", "split")
"""What no server has when it is asked: where an app will be shown, and what comes of it."""


def inference(config: Config) -> Inference:
    """How a schema is inferred under a configuration."""
    used = {*spec.columns(config.features), *QUERY_KEYS, *EXAMPLE_KEYS}
    return Inference(config.validation, used=used, not_served=NOT_SERVED)


def approved(workspace: Workspace, seen: ExampleStatistics, span: dt.date) -> Reference:
    """The version that counts for a span; infers the first one where there is none.

    Raises:
        BadInput: the first span lacks a column that a feature is declared over.
    """
    version = schema.in_force(workspace, span)
    if version is None:
        inferred = _inferred(statistics.load(seen.statistics), workspace.config)
        version = schema.approve(workspace, inferred, f"inferred from span {span}", since=span)
    return Reference("schema", f"version={version}", schema.digest(workspace, version)[:16])


def schema_gen(workspace: Workspace, version: Reference, out: Path) -> None:
    """Writes the approved version: `schema.pbtxt`, `reference.pb`, the statistics that drift is
    measured from, and `waived.json`, what is let pass of single days."""
    source = workspace.schema / version.span
    for name in schema.PARTS:
        shutil.copyfile(source / name, out / name)


def _inferred(seen: statistics.DatasetFeatureStatisticsList, config: Config) -> Expectations:
    found = statistics.features(seen)
    for column in spec.columns(config.features):
        if column not in found:
            raise BadInput(
                f"the logs have no column {column!r}, which a feature is declared over: add it to "
                "the logs, or take the feature out of recsys.toml."
            )
    return Expectations(inference(config).schema(seen), seen)
