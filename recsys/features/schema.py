"""The versions of what data is expected to look like, and who approved each.

A version is inferred once, from a first span (`recsys/features/inference.py`). From then on people
change it:

```
schema/version=1/schema.pbtxt      a text `Schema` of tensorflow-metadata
schema/version=1/reference.pb      statistics that drift is measured from
schema/version=1/waived.json       what was wrong with single days, and let pass as it was
schema/version=1/approval.json     who, why, when, and what was decided
```

A version counts from the first day that it was approved for. Days before that passed what was
expected of them at the time, and are never judged by what was decided since.
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from recsys.errors import BadInput
from recsys.features import statistics
from recsys.features.statistics import DatasetFeatureStatisticsList
from recsys.workspace import Workspace, digest_of_files, staged_folder

Schema = Any
Feature = Any

SCHEMA = "schema.pbtxt"
REFERENCE = "reference.pb"
WAIVED = "waived.json"
APPROVAL = "approval.json"

PARTS = (SCHEMA, REFERENCE, WAIVED)
"""The files that a day is held against."""

TRAINING, SERVING = "TRAINING", "SERVING"
"""The schema's environments: what models are trained on, and what a server has at a request."""


@dataclass(frozen=True)
class Waiver:
    """What was wrong with one day, can't be mended any more, and shall not stop it: an outage's
    hours are lost, what a server used yesterday it has used."""

    day: str
    name: str
    """The feature, or what else it is about."""
    anomaly: str
    """Its short description."""


@dataclass(frozen=True)
class Expectations:
    """What a day is held against."""

    schema: Schema
    reference: DatasetFeatureStatisticsList
    """Statistics of the day that the schema was inferred from. Behind them further datasets of the
    same names, with what a person agreed to since: of some day, the features that had drifted."""
    waived: list[Waiver] = field(default_factory=list)
    """What no longer stops the days that it was found in."""

    def copy(self) -> Expectations:
        """The same, to change."""
        nothing = statistics_pb2.DatasetFeatureStatisticsList()
        copied = Expectations(schema_pb2.Schema(), nothing, list(self.waived))
        copied.schema.CopyFrom(self.schema)
        copied.reference.CopyFrom(self.reference)
        return copied


@dataclass(frozen=True)
class Decision:
    """One change that a person agreed to."""

    day: str
    """The span that it was found in."""
    name: str
    """The feature, or what else it is about."""
    anomaly: str
    change: str


def versions(workspace: Workspace) -> list[int]:
    """The versions that were approved, in order."""
    names = (path.parent.name for path in workspace.schema.glob(f"version=*/{SCHEMA}"))
    return sorted(int(name.removeprefix("version=")) for name in names)


def latest(workspace: Workspace) -> int | None:
    """The newest version; None before the first."""
    return max(versions(workspace), default=None)


def in_force(workspace: Workspace, span: dt.date) -> int | None:
    """The newest version that counts for a span; None before the first version."""
    known = versions(workspace)
    counting = [v for v in known if approval(workspace, v)["since"] <= span.isoformat()]
    return max(counting, default=min(known, default=None))


def folder_of(workspace: Workspace, version: int) -> Path:
    """The folder of one version."""
    return workspace.schema / f"version={version}"


def load(folder: Path) -> Expectations:
    """Reads a version from its folder or from a copy.

    Raises:
        BadInput: the schema does not parse, as after an edit by hand.
    """
    path = folder / SCHEMA
    try:
        schema = text_format.Parse(path.read_text(), schema_pb2.Schema())
    except text_format.ParseError as error:
        raise BadInput(f"{path} is not a text Schema: {error}. Mend that line.") from None
    waived = [Waiver(**one) for one in json.loads((folder / WAIVED).read_text())]
    return Expectations(schema, statistics.load(folder / REFERENCE), waived)


def approve(
    workspace: Workspace,
    expected: Expectations,
    why: str,
    since: dt.date,
    decisions: Collection[Decision] = (),
) -> int:
    """Makes expectations the next version, and records who approved them, why and when.

    Args:
        workspace: holds the versions.
        expected: what the version says.
        why: the reason, for those who come after.
        since: the first day that it counts for.
        decisions: what was changed.

    Returns:
        the version.
    """
    version = (latest(workspace) or 0) + 1
    with staged_folder(folder_of(workspace, version)) as out:
        (out / SCHEMA).write_text(text_format.MessageToString(expected.schema))
        statistics.save(expected.reference, out / REFERENCE)
        waived = [asdict(waiver) for waiver in expected.waived]
        (out / WAIVED).write_text(json.dumps(waived, indent=1) + "\n")
        record = {
            "version": version,
            "who": getpass.getuser(),
            "why": why,
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "since": since.isoformat(),
            "decisions": [asdict(decision) for decision in decisions],
        }
        (out / APPROVAL).write_text(json.dumps(record, indent=1) + "\n")
    return version


def approval(workspace: Workspace, version: int) -> dict[str, Any]:
    """Who approved a version, why, when, since which day it counts, and what was decided."""
    path = folder_of(workspace, version) / APPROVAL
    values: dict[str, Any] = {"since": "", "decisions": []} | json.loads(path.read_text())
    return values


def digest(workspace: Workspace, version: int) -> str:
    """SHA-256 (hex) of what a version expects."""
    folder = folder_of(workspace, version)
    return digest_of_files(folder, [folder / part for part in PARTS])


def of(schema: Schema, name: str) -> Feature:
    """The feature of that name."""
    return next(feature for feature in schema.feature if feature.name == name)


def is_in(feature: Feature, environment: str) -> bool:
    """Whether a feature is expected in an environment."""
    return environment not in feature.not_in_environment
