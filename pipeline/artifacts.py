"""What components read and write, and the store that keeps it.

An artifact is a folder `artifacts/<component>/<span>/<digest>/` that a component wrote once. The
digest covers what made it (component, span, code, configuration, inputs), so an artifact whose
makers didn't change is found rather than made again, and each one knows its whole lineage.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from pipeline.code import code_digest
from recsys.workspace import Workspace, staged_folder

RECORD = "artifact.json"


class Reference(NamedTuple):
    """Names one thing that a component read: an artifact, a day of logs, a version."""

    component: str
    span: str
    digest: str


@dataclass(frozen=True)
class Record:
    """Who made an artifact, when, and from what: its `artifact.json`."""

    component: str
    span: str
    digest: str
    inputs: tuple[Reference, ...]
    config_digest: str
    code_digest: str
    created: str
    """Time of publication, ISO 8601, UTC."""
    seconds: float
    """How long the component ran."""

    @property
    def reference(self) -> Reference:
        """The artifact's own name."""
        return Reference(self.component, self.span, self.digest)

    @staticmethod
    def load(folder: Path) -> Record:
        """Reads an artifact folder's record."""
        values = json.loads((folder / RECORD).read_text())
        values["inputs"] = tuple(Reference(**reference) for reference in values["inputs"])
        return Record(**values)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {**asdict(self), "inputs": [reference._asdict() for reference in self.inputs]}


@dataclass(frozen=True)
class Artifact:
    """A folder that a component wrote."""

    path: Path
    record: Record

    @classmethod
    def load(cls, path: Path) -> Self:
        """The artifact in a folder."""
        return cls(path, Record.load(path))


class Examples(Artifact):
    """A span's training examples, as known at each request."""

    @property
    def queries(self) -> Path:
        """One row a request."""
        return self.path / "queries.parquet"

    @property
    def examples(self) -> Path:
        """One row an impression; its `query_row` counts rows of `queries`."""
        return self.path / "examples.parquet"

    @property
    def counts(self) -> dict[str, int]:
        """Rows kept, and rows of the logs that could not be linked, by reason."""
        counts: dict[str, int] = json.loads((self.path / "counts.json").read_text())
        return counts


class ExampleStatistics(Artifact):
    """What a span's examples look like."""

    @property
    def statistics(self) -> Path:
        """A binary `DatasetFeatureStatisticsList`."""
        return self.path / "statistics.pb"


class Schema(Artifact):
    """What examples are expected to look like: the version that was approved at the span."""

    @property
    def schema(self) -> Path:
        """A text `Schema`."""
        return self.path / "schema.pbtxt"


class ExampleAnomalies(Artifact):
    """Where a span's examples differ from the schema."""

    @property
    def anomalies(self) -> Path:
        """A text `Anomalies`."""
        return self.path / "anomalies.pbtxt"


class TransformGraph(Artifact):
    """Vocabularies and quantiles fitted on a window of examples."""


class TransformedExamples(Artifact):
    """A window's examples, ready to train on."""


class TrainedRetrieval(Artifact):
    """A trained two-tower model."""


class TrainedRanking(Artifact):
    """A trained wide-and-deep model."""


class ModelBundle(Artifact):
    """Everything that a server needs, not blessed yet."""


class ModelEvaluation(Artifact):
    """A bundle's metrics and the verdict on it."""


class PushedModel(Artifact):
    """The record that a bundle was pushed."""


A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class Store:
    """The artifacts of a workspace."""

    workspace: Workspace

    def run(
        self,
        kind: type[A],
        component: partial[None],
        span: dt.date,
        inputs: Sequence[Reference],
        sections: Sequence[str],
    ) -> tuple[A, bool]:
        """Finds the artifact that these inputs make, or runs the component to make it.

        Args:
            kind: the artifact's class.
            component: the component with all its arguments but `out`, the folder it writes into.
            span: the day that the artifact is of.
            inputs: names of everything that the component reads.
            sections: the sections of the configuration that it reads.

        Returns:
            the artifact, and whether it was reused.
        """
        name = component.func.__name__
        config_digest = self.workspace.config.digest(*sections)
        code = code_digest(component.func.__module__)
        digest = _digest(name, span.isoformat(), code, config_digest, *inputs)
        folder = self.folder(Reference(name, span.isoformat(), digest))
        if (folder / RECORD).exists():
            return kind.load(folder), True
        with staged_folder(folder) as out:
            started = time.monotonic()
            component(out=out)
            record = Record(
                component=name,
                span=span.isoformat(),
                digest=digest,
                inputs=tuple(inputs),
                config_digest=config_digest,
                code_digest=code,
                created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                seconds=round(time.monotonic() - started, 3),
            )
            (out / RECORD).write_text(json.dumps(record.to_json(), indent=1) + "\n")
        return kind.load(folder), False

    def folder(self, reference: Reference) -> Path:
        """Where an artifact of that name lies."""
        return self.workspace.artifacts.joinpath(*reference)

    def lineage(self, *references: Reference) -> list[Record]:
        """The records of artifacts and of all that they were made from, each once, the nearest
        first. Days of logs and versions appear as the records' inputs."""
        found: dict[Reference, Record] = {}
        pending = list(references)
        while pending:
            reference = pending.pop(0)
            folder = self.folder(reference)
            if reference not in found and (folder / RECORD).exists():
                found[reference] = Record.load(folder)
                pending += found[reference].inputs
        return list(found.values())


def _digest(*parts: object) -> str:
    """The first 64 bits of a SHA-256, in hex: a folder's name that people can read and type."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
