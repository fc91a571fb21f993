"""What to change in a schema so that an anomaly is one no longer, once a person agrees that the
data is right.

TFX (KDD 2017), section 3.3, gives two: an unseen value -> "add value to domain"; a feature gone ->
"deprecate feature". A schema can't be changed to welcome unknown keys, NaN or infinity: those are
mended upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import schema_pb2

from recsys.features import anomalies, statistics
from recsys.features import schema as schemas
from recsys.features.anomalies import Finding, Info
from recsys.features.schema import Schema
from recsys.features.statistics import DatasetFeatureStatisticsList

DATASET = "dataset"
"""How a person names the proposal that is of no feature."""


@dataclass(frozen=True)
class Proposal:
    """A change of the schema that would settle one anomaly."""

    name: str
    """The feature, or `dataset`."""
    anomaly: str
    change: str
    """In plain words."""
    apply: Callable[[Schema], None]
    """Makes the change, in place."""


def propose(seen: DatasetFeatureStatisticsList, schema: Schema) -> list[Proposal]:
    """A proposal for each anomaly that the schema could settle."""
    proposals = (_proposal(finding, seen) for finding in anomalies.findings(seen, schema))
    return [proposal for proposal in proposals if proposal is not None]


def accept(schema: Schema, proposals: Collection[Proposal]) -> Schema:
    """A copy of the schema with the changes made."""
    changed = schema_pb2.Schema()
    changed.CopyFrom(schema)
    for proposal in proposals:
        proposal.apply(changed)
    return changed


def _proposal(finding: Finding, seen: DatasetFeatureStatisticsList) -> Proposal | None:
    makers = {
        Info.SCHEMA_NEW_COLUMN: _add_feature,
        Info.SCHEMA_MISSING_COLUMN: _deprecate_feature,
        Info.ENUM_TYPE_UNEXPECTED_STRING_VALUES: _add_values,
        Info.UNEXPECTED_DATA_TYPE: _replace_feature,
        Info.FEATURE_TYPE_LOW_FRACTION_PRESENT: _lower_presence,
        Info.FEATURE_TYPE_LOW_NUMBER_PRESENT: _lower_presence,
        Info.FEATURE_TYPE_HIGH_NUMBER_VALUES: _allow_more_values,
        Info.DATASET_LOW_NUM_EXAMPLES: _require_fewer_examples,
    }
    if finding.type not in makers:
        return None
    change, apply = makers[finding.type](finding.name, seen)
    return Proposal(finding.name or DATASET, finding.short, change, apply)


Change = tuple[str, Callable[[Schema], None]]


def _add_feature(name: str, seen: DatasetFeatureStatisticsList) -> Change:
    def apply(schema: Schema) -> None:
        feature = _inferred(name, seen)
        feature.ClearField("presence")  # the days before it must pass too
        schema.feature.append(feature)

    return "add feature", apply


def _deprecate_feature(name: str, seen: DatasetFeatureStatisticsList) -> Change:
    def apply(schema: Schema) -> None:
        _of(schema, name).lifecycle_stage = schema_pb2.DEPRECATED

    return "deprecate feature", apply


def _replace_feature(name: str, seen: DatasetFeatureStatisticsList) -> Change:
    def apply(schema: Schema) -> None:
        _of(schema, name).CopyFrom(_inferred(name, seen))

    return "expect the type that was found", apply


def _add_values(name: str, seen: DatasetFeatureStatisticsList) -> Change:
    found = statistics.value_counts(statistics.features(seen)[name])

    def apply(schema: Schema) -> None:
        domain = _of(schema, name).string_domain
        values = sorted({*domain.value, *found})
        del domain.value[:]
        domain.value.extend(values)

    return "add values to domain", apply


def _lower_presence(name: str, seen: DatasetFeatureStatisticsList) -> Change:
    def apply(schema: Schema) -> None:
        found = _inferred(name, seen).presence
        _of(schema, name).presence.CopyFrom(found)

    return "expect the presence that was found", apply


def _allow_more_values(name: str, seen: DatasetFeatureStatisticsList) -> Change:
    def apply(schema: Schema) -> None:
        _of(schema, name).ClearField("value_count")

    return "allow any number of values", apply


def _require_fewer_examples(name: str, seen: DatasetFeatureStatisticsList) -> Change:
    num_examples = {dataset.name: dataset.num_examples for dataset in seen.datasets}["examples"]

    def apply(schema: Schema) -> None:
        schemas.require_examples(schema, num_examples)

    return "expect as few examples as this span has", apply


def _of(schema: Schema, name: str) -> schemas.Feature:
    return next(feature for feature in schema.feature if feature.name == name)


def _inferred(name: str, seen: DatasetFeatureStatisticsList) -> schemas.Feature:
    return _of(schemas.infer(seen), name)
