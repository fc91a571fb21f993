"""A day under judgement, and what is found in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from recsys.features import statistics
from recsys.features.inference import Inference, has_impressions, wholes, witnesses
from recsys.features.proposals import Remedy
from recsys.features.schema import Expectations, Feature
from recsys.features.skew import Skew
from recsys.features.statistics import DatasetFeatureStatisticsList, FeatureNameStatistics
from recsys.tables import TABLES

Info = anomalies_pb2.AnomalyInfo

UNJUDGED = frozenset(
    {
        schema_pb2.PLANNED,
        schema_pb2.ALPHA,
        schema_pb2.DEPRECATED,
        schema_pb2.DEBUG_ONLY,
        schema_pb2.DISABLED,
    }
)
"""Lifecycle stages of features that nobody relies on."""


Severity = Literal["error", "warning"]
"""An error stops a run before anything is trained."""

DATASET = "dataset"
"""How people name what is of no feature."""


@dataclass(frozen=True)
class Row:
    """One anomaly, for people."""

    name: str
    """The feature or the table; `dataset` for the whole."""
    kind: str
    """The name of its `AnomalyInfo.Type`."""
    short: str
    description: str
    severity: Severity
    remedy: str
    """The change of the schema that would settle it, or what to mend upstream."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one feature or table, or, without a name, with the dataset."""

    name: str
    type: int
    """One of `AnomalyInfo.Type`."""
    short: str
    description: str
    """What was found and what was expected, in plain words, with figures and offending values."""
    remedy: Remedy

    def settling(self, other: Finding) -> Finding:
        """The same, whose remedy settles the other too."""
        return replace(self, remedy=self.remedy.along_with(other.remedy))

    def row(self, severity: Severity) -> Row:
        """The same for people."""
        kind = Info.Type.Name(self.type)
        name, text = self.name or DATASET, self.remedy.text
        return Row(name, kind, self.short, self.description, severity, text)


@dataclass(frozen=True)
class Day:
    """What a day is judged by."""

    seen: DatasetFeatureStatisticsList
    expected: Expectations
    inference: Inference
    """Says how what is new would be expected, and what models read."""
    last: DatasetFeatureStatisticsList | None = None
    """Statistics of the last day before it that passed; None where none did."""
    skew: Skew = field(default_factory=Skew)
    waived: frozenset[tuple[str, str]] = frozenset()
    """Name and short description of what a person let the day pass with."""

    @cached_property
    def datasets(self) -> dict[str, Any]:
        """The day's datasets by name."""
        return {dataset.name: dataset for dataset in wholes(self.seen)}

    @property
    def references(self) -> list[Any]:
        """The datasets of the day that the schema was inferred from, then further ones that a
        person agreed to."""
        return list(wholes(self.expected.reference))

    @property
    def before(self) -> list[Any]:
        """The datasets of the last day that passed."""
        return list(wholes(self.last)) if self.last else []

    @cached_property
    def features(self) -> dict[str, Feature]:
        """The schema's features by name."""
        return {feature.name: feature for feature in self.expected.schema.feature}

    @cached_property
    def is_daily(self) -> bool:
        """Whether one day is expected to be like another: its impressions are logged."""
        return has_impressions(self.expected.reference)

    def severity(self, finding: Finding) -> Severity:
        """An error where a model reads the feature, where it is a key or a label, and of what is
        wrong with a table or with the dataset; unless a person let the day pass with it."""
        name = finding.name
        is_used = not name or is_of_table(name) or name in self.inference.used
        is_waived = (name or DATASET, finding.short) in self.waived
        return "error" if is_used and not is_waived else "warning"

    def columns(self) -> Iterator[Column]:
        """The features of the day that something is expected of, and the keys of its tables."""
        for dataset in self.datasets.values():
            for seen in dataset.features:
                name = statistics.name(seen)
                expected = self.features.get(name)
                is_key = expected is None and dataset.name in TABLES
                if is_key or (expected and expected.lifecycle_stage not in UNJUDGED):
                    yield Column(name, seen, expected or schema_pb2.Feature(), dataset, self)


def is_of_table(name: str) -> bool:
    """Whether a name is one of the log tables, or of a column of one: `table.column`."""
    return name.split(".")[0] in TABLES


@dataclass(frozen=True)
class Column:
    """One feature of a day, and what is expected of it."""

    name: str
    seen: FeatureNameStatistics
    expected: Feature
    """Says nothing of a table's key."""
    dataset: Any
    """The dataset that the feature is of."""
    day: Day

    @property
    def num_present(self) -> int:
        """Rows that have a value."""
        return int(statistics.common(self.seen).num_non_missing)

    @property
    def rarity(self) -> float:
        """Grows as fewer different users (or apps) are seen: the sum of 1/n over this day and the
        reference, by which the variance of a difference between the two grows."""
        first = next((one for one in self.day.references if one.name == self.dataset.name), None)
        return self.rarity_with(first) if first is not None else 1.0

    def rarity_with(self, dataset: Any) -> float:
        """The same of this day and another one's dataset."""
        return sum(1 / max(1, witnesses(one)) for one in (self.dataset, dataset))

    @property
    def as_found(self) -> Feature:
        """What would be expected of it, were it new."""
        return self.day.inference.feature(self.seen, self.dataset, self.day.is_daily)

    def find(self, type_: int, short: str, description: str, remedy: Remedy) -> Finding:
        """Something that is wrong with it."""
        return Finding(self.name, type_, short, description, remedy)

    def among(self, datasets: Sequence[Any]) -> Iterator[tuple[FeatureNameStatistics, Any]]:
        """The same feature in other datasets, each with its dataset, where it is of this type."""
        for dataset in datasets:
            if dataset.name == self.dataset.name:
                found = statistics.features_of(dataset).get(self.name)
                if found is not None and found.type == self.seen.type:
                    yield found, dataset
