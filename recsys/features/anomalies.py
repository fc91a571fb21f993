"""Where data differs from its schema, as tensorflow-metadata's `Anomalies`.

Each kind of anomaly is one function over a feature's statistics and its schema. A description
says in plain words, with figures and examples, what was found and what was expected; an anomaly
of severity `ERROR` stops the run before anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from recsys.features import schema as schemas
from recsys.features import statistics
from recsys.features.statistics import DatasetFeatureStatisticsList, FeatureNameStatistics

Anomalies = Any
Info = anomalies_pb2.AnomalyInfo

UNLINKED_SHARE = "unlinked_share"
"""Name of the custom figure of a key: share of impressions that name one which isn't there."""
MAX_UNLINKED_SHARE = 0.001
"""Largest share of impressions whose app or request may be unknown."""
NUM_VALUES_SHOWN = 5
"""Offending values that a description lists."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one feature, or, without a name, with the dataset."""

    name: str
    type: int
    short: str
    description: str
    severity: int = Info.ERROR


def validate(seen: DatasetFeatureStatisticsList, schema: schemas.Schema) -> Anomalies:
    """Compares a span's statistics with the schema."""
    anomalies = anomalies_pb2.Anomalies(baseline=schema)
    by_feature: dict[str, list[Finding]] = {}
    for finding in findings(seen, schema):
        by_feature.setdefault(finding.name, []).append(finding)
    for name, found in by_feature.items():
        info = anomalies.anomaly_info[name] if name else anomalies.dataset_anomaly_info
        _describe(info, name, found)
    return anomalies


def findings(seen: DatasetFeatureStatisticsList, schema: schemas.Schema) -> Iterator[Finding]:
    """Everything that is wrong, features in the order of the data, then what is not there."""
    yield from _too_few_examples(seen, schema)
    expected = {feature.name: feature for feature in schema.feature}
    found = statistics.features(seen)
    for dataset in seen.datasets:
        for feature in dataset.features:
            name = feature.path.step[0]
            if name not in expected:
                yield _new_column(name)
            elif expected[name].lifecycle_stage != schema_pb2.DEPRECATED:
                yield from _of_feature(feature, expected[name], dataset.num_examples)
    for name, feature in expected.items():
        is_required = feature.presence.min_count > 0
        is_expected = feature.lifecycle_stage != schema_pb2.DEPRECATED and is_required
        if name not in found and is_expected:
            yield _missing_column(name)


def errors(anomalies: Anomalies) -> list[str]:
    """The anomalies that stop a run, each a line `feature: what is wrong`."""
    lines = [
        f"{name}: {info.description}"
        for name, info in sorted(anomalies.anomaly_info.items())
        if info.severity == Info.ERROR
    ]
    dataset = anomalies.dataset_anomaly_info
    return [dataset.description, *lines] if dataset.severity == Info.ERROR else lines


def save(anomalies: Anomalies, path: Path) -> None:
    """Writes a text `Anomalies`."""
    path.write_text(text_format.MessageToString(anomalies))


def load(path: Path) -> Anomalies:
    """Reads a text `Anomalies`."""
    return text_format.Parse(path.read_text(), anomalies_pb2.Anomalies())


def _of_feature(
    seen: FeatureNameStatistics, expected: schemas.Feature, num_examples: int
) -> Iterator[Finding]:
    common = statistics.common(seen)
    is_typed = expected.type != schema_pb2.TYPE_UNKNOWN
    yield from _unlinked_keys(seen)
    yield from _low_presence(expected, common.num_non_missing, num_examples)
    if common.num_non_missing and is_typed and schemas.type_of(seen) != expected.type:
        yield _type_change(seen, expected)
        return
    yield from _valency(expected, common)
    yield from _unexpected_values(seen, expected)
    yield from _not_finite(seen, expected)


def _too_few_examples(
    seen: DatasetFeatureStatisticsList, schema: schemas.Schema
) -> Iterator[Finding]:
    least = schema.dataset_constraints.min_examples_count
    for dataset in seen.datasets:
        if dataset.name == "examples" and dataset.num_examples < least:
            yield Finding(
                "",
                Info.DATASET_LOW_NUM_EXAMPLES,
                "Too few examples",
                f"the span has {dataset.num_examples:,} examples, expected at least {least:,}",
            )


def _new_column(name: str) -> Finding:
    return Finding(name, Info.SCHEMA_NEW_COLUMN, "New column", "the column is not in the schema")


def _missing_column(name: str) -> Finding:
    return Finding(
        name,
        Info.SCHEMA_MISSING_COLUMN,
        "Column dropped",
        "the column is in the schema, but not in the data",
    )


def _unlinked_keys(seen: FeatureNameStatistics) -> Iterator[Finding]:
    share = statistics.custom(seen).get(UNLINKED_SHARE, 0)
    if share > MAX_UNLINKED_SHARE:
        yield Finding(
            seen.path.step[0],
            Info.CUSTOM_VALIDATION,
            "Unknown keys",
            f"{share:.2%} of impressions name one that does not exist, expected at most "
            f"{MAX_UNLINKED_SHARE:.2%}",
        )


def _low_presence(expected: schemas.Feature, num: int, num_examples: int) -> Iterator[Finding]:
    presence = expected.presence
    share = num / num_examples if num_examples else 1.0
    if num < presence.min_count and num_examples:
        yield Finding(
            expected.name,
            Info.FEATURE_TYPE_LOW_NUMBER_PRESENT,
            "Never present",
            f"the feature has a value in {num:,} of {num_examples:,} rows, expected at least "
            f"{presence.min_count:,}",
        )
    elif share < presence.min_fraction:
        yield Finding(
            expected.name,
            Info.FEATURE_TYPE_LOW_FRACTION_PRESENT,
            "Presence too low",
            f"the feature has a value in {share:.1%} of rows, expected at least "
            f"{presence.min_fraction:.1%}",
        )


def _type_change(seen: FeatureNameStatistics, expected: schemas.Feature) -> Finding:
    name_of = schema_pb2.FeatureType.Name
    return Finding(
        expected.name,
        Info.UNEXPECTED_DATA_TYPE,
        "Type changed",
        f"values are {name_of(schemas.type_of(seen))}, expected {name_of(expected.type)}",
    )


def _valency(expected: schemas.Feature, common: Any) -> Iterator[Finding]:
    counts = expected.value_count
    if counts.max and common.max_num_values > counts.max:
        yield Finding(
            expected.name,
            Info.FEATURE_TYPE_HIGH_NUMBER_VALUES,
            "Too many values",
            f"rows have up to {common.max_num_values:,} values, expected at most {counts.max:,}",
        )


def _unexpected_values(seen: FeatureNameStatistics, expected: schemas.Feature) -> Iterator[Finding]:
    domain = set(expected.string_domain.value)
    num_values = statistics.common(seen).tot_num_values
    if not domain or not num_values:
        return
    counts = statistics.value_counts(seen)
    inside = sum(num for value, num in counts.items() if value in domain)
    mass, least = inside / num_values, expected.distribution_constraints.min_domain_mass
    if mass < least:
        strangers = [f"{v!r} ({num:,})" for v, num in counts.items() if v not in domain]
        more = len(strangers) - NUM_VALUES_SHOWN
        listed = ", ".join(strangers[:NUM_VALUES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        yield Finding(
            expected.name,
            Info.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
            "Unexpected values",
            f"{1 - mass:.1%} of values are outside the domain, expected at most "
            f"{1 - least:.1%}: {listed}",
        )


def _not_finite(seen: FeatureNameStatistics, expected: schemas.Feature) -> Iterator[Finding]:
    if not expected.HasField("float_domain"):
        return
    domain = expected.float_domain
    num_nan = sum(histogram.num_nan for histogram in seen.num_stats.histograms)
    num_infinite = statistics.custom(seen)[statistics.NUM_INFINITE]
    if domain.disallow_nan and num_nan:
        yield Finding(
            expected.name,
            Info.FLOAT_TYPE_HAS_NAN,
            "NaN",
            f"{num_nan:,} values are NaN, expected none",
        )
    if domain.disallow_inf and num_infinite:
        yield Finding(
            expected.name,
            Info.FLOAT_TYPE_HAS_INF,
            "Infinity",
            f"{num_infinite:,.0f} values are infinite, expected none",
        )


def _describe(info: Any, name: str, found: list[Finding]) -> None:
    """Fills in an `AnomalyInfo`; several findings become its reasons."""
    if name:
        info.path.step.append(name)
    info.severity = max(finding.severity for finding in found)
    info.short_description = "; ".join(finding.short for finding in found)
    info.description = "; ".join(finding.description for finding in found)
    for finding in found:
        info.reason.add(
            type=finding.type, short_description=finding.short, description=finding.description
        )
