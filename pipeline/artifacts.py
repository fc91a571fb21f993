"""What components read and write: TFX's artifacts by their names, and the record that each carries
of who made it and from what."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from recsys.features.skew import Skew

RECORD, REPORT = "artifact.json", "report.html"
DATA_REPORTS = "data"
"""Folder of the workspace's reports with a page of each day's data."""
MODEL_REPORTS = "models"
"""Folder of the workspace's reports with a page of each candidate model, by its version."""


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

    component: ClassVar[str]
    """The component that writes such artifacts."""

    path: Path
    record: Record

    @classmethod
    def load(cls, path: Path) -> Self:
        """The artifact in a folder."""
        return cls(path, Record.load(path))

    @property
    def report(self) -> Path:
        """Its page for people, if its kind has one."""
        return self.path / REPORT

    @property
    def published_as(self) -> str:
        """Where people find that page, below the workspace's reports; "" if its kind has none."""
        return ""

    def figures(self) -> dict[str, Any]:
        """What a person wants to know at a glance, by name."""
        return {}


class Examples(Artifact):
    """A span's training examples, as known at each request."""

    component = "example_gen"

    @property
    def queries(self) -> Path:
        """One row a request."""
        return self.path / "queries.parquet"

    @property
    def examples(self) -> Path:
        """One row an impression; its `query_row` counts rows of `queries`."""
        return self.path / "examples.parquet"

    @property
    def missing(self) -> list[str]:
        """Columns that features declare and the day's logs lack; they are there without a value."""
        columns: list[str] = json.loads((self.path / "missing.json").read_text())
        return columns

    @property
    def integrity(self) -> dict[str, dict[str, dict[str, Any]]]:
        """How whole the day's tables are, by table, column and figure."""
        counts: dict[str, Any] = json.loads((self.path / "integrity.json").read_text())
        return counts

    def figures(self) -> dict[str, Any]:
        """Rows of each table, and what isn't as it should be."""
        rows = {f"{table}.num_rows": of[""]["num_rows"] for table, of in self.integrity.items()}
        return rows | {
            f"{table}.{column}.{name}": num
            for table, columns in self.integrity.items()
            for column, figures in columns.items()
            for name, num in figures.items()
            if column and name.startswith("num_") and num
        }


class ExampleStatistics(Artifact):
    """What a span's examples look like."""

    component = "statistics_gen"

    @property
    def statistics(self) -> Path:
        """A binary `DatasetFeatureStatisticsList`."""
        return self.path / "statistics.pb"


class Schema(Artifact):
    """What examples are expected to look like: the version that was approved at the span."""

    component = "schema_gen"

    @property
    def schema(self) -> Path:
        """A text `Schema`."""
        return self.path / "schema.pbtxt"

    @property
    def reference(self) -> Path:
        """The binary `DatasetFeatureStatisticsList` that drift is measured from."""
        return self.path / "reference.pb"


class ServingSkew(Artifact):
    """Where the features that the server used differ from the span's examples."""

    component = "skew_gen"

    @property
    def skew(self) -> Path:
        """A `recsys.features.skew.Skew` as JSON."""
        return self.path / "skew.json"

    def figures(self) -> dict[str, Any]:
        """Pages compared, and the share of differing values of each feature that has some."""
        found = Skew.load(self.skew)
        counts = {"num_served": found.num_served, "num_joined": found.num_joined}
        shares = {
            f"differing_share.{name}": round(feature.differing_share, 6)
            for name, feature in found.features.items()
            if feature.num_differing
        }
        return {**counts, **shares, "num_replayed": found.replay.num_replayed}


class ExampleAnomalies(Artifact):
    """Where a span's examples differ from the schema."""

    component = "example_validator"

    @property
    def anomalies(self) -> Path:
        """A text `Anomalies`."""
        return self.path / "anomalies.pbtxt"

    @property
    def published_as(self) -> str:
        """The page of the day."""
        return f"{DATA_REPORTS}/{self.record.span}.html"


DATA: tuple[type[Artifact], ...] = (
    Examples,
    ExampleStatistics,
    Schema,
    ServingSkew,
    ExampleAnomalies,
)
"""What is made of a day before anything is trained, the gate last."""


class TransformGraph(Artifact):
    """Vocabularies and quantiles fitted on a window of examples, and the window transformed."""

    component = "transform"


class TrainedModel(Artifact):
    """A trained model, and all that the next day's may begin from."""

    history_file: ClassVar[str] = "history.json"

    @property
    def history(self) -> dict[str, Any]:
        """How it began and why so, the last day and how many examples it was trained on, the loss
        of each epoch, and what a warm start took from its base."""
        history: dict[str, Any] = json.loads((self.path / self.history_file).read_text())
        return history

    @property
    def last_day(self) -> dt.date:
        """The last day that it was trained on."""
        return dt.date.fromisoformat(self.history["last_day"])

    def figures(self) -> dict[str, Any]:
        """How it began, what a warm start could not copy, and the loss that it ended with."""
        history = self.history
        said = {name: history[name] for name in ("start", "why", "num_examples")}
        copied = history["copied"] or {"anew": {}, "vocabularies": {}}
        return {
            **said,
            "loss": history["loss"][-1],
            **{f"anew.{name}": why for name, why in copied["anew"].items()},
            **{
                f"{vocabulary}.{change}": count
                for vocabulary, changes in copied["vocabularies"].items()
                for change, count in changes.items()
            },
        }


class TrainedRetrieval(TrainedModel):
    """A trained two-tower model."""

    component = "trainer_retrieval"


class TrainedRanking(TrainedModel):
    """A trained ranker."""

    component = "trainer_ranking"


class ModelBundle(Artifact):
    """Everything that a server needs, not blessed yet."""

    component = "bundle_gen"

    @property
    def version(self) -> str:
        """The bundle's version, which comes from its content."""
        return str(json.loads((self.path / "manifest.json").read_text())["version"])

    def figures(self) -> dict[str, Any]:
        """Its version."""
        return {"version": self.version}


class Blessing(Artifact):
    """A verdict on a bundle, and what it rests on."""

    file: ClassVar[str]

    @property
    def values(self) -> dict[str, Any]:
        """What the file holds, as JSON values: `bundle`, the version judged; `verdict`, with
        `blessed` and `reasons`; and what was measured."""
        values: dict[str, Any] = json.loads((self.path / self.file).read_text())
        return values

    def figures(self) -> dict[str, Any]:
        """The verdict."""
        verdict = self.values["verdict"]
        return {"blessed": verdict["blessed"], "reasons": "\n".join(verdict["reasons"])}


class InfraBlessing(Blessing):
    """Whether a bundle is safe to serve: what a real server did with it."""

    component = "infra_validator"
    file = "blessing.json"

    @property
    def published_as(self) -> str:
        """The page of a version that was refused; one that wasn't gets the evaluator's there."""
        if self.values["verdict"]["blessed"]:
            return ""
        return f"{MODEL_REPORTS}/{self.values['bundle']}.html"

    def figures(self) -> dict[str, Any]:
        """The verdict, and what was measured of the server."""
        measured: dict[str, Any] = self.values["measured"]
        return super().figures() | measured


class ModelEvaluation(Blessing):
    """A bundle's metrics and the verdict on it: what `recsys.evaluation.saved.Evaluation` holds."""

    component = "evaluator"
    file = "evaluation.json"

    @property
    def published_as(self) -> str:
        """The page of the bundle's version."""
        return f"{MODEL_REPORTS}/{self.values['bundle']}.html"

    def figures(self) -> dict[str, Any]:
        """The verdict, and the candidate model's metrics by name."""
        metrics = self.values["measured"]["metrics"]
        return super().figures() | {
            name: one["candidate"]["value"] for name, one in metrics.items()
        }


class PushedModel(Artifact):
    """The record that a bundle was pushed."""

    component = "pusher"
