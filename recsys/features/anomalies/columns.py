"""Columns that are new or gone, of another type, or with too few or too many values."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from recsys.features import proposals, statistics
from recsys.features.anomalies.day import UNJUDGED, Column, Day, Finding, Info
from recsys.features.inference import type_of
from recsys.tables import TABLES

DEVIATIONS = 4.5
"""Standard deviations that chance may move a share of rows by: once in 150,000."""


def new_columns(day: Day) -> Iterator[Finding]:
    """Columns that the schema doesn't know."""
    for dataset in day.datasets.values():
        for seen in dataset.features:
            name = statistics.name(seen)
            if name not in day.features and dataset.name not in TABLES:
                found = day.inference.feature(seen, dataset, day.is_daily)
                yield Finding(
                    name,
                    Info.SCHEMA_NEW_COLUMN,
                    "New column",
                    "the column is not in the schema",
                    proposals.add_feature(found, day.seen),
                )


def missing_columns(day: Day) -> Iterator[Finding]:
    """Columns that the schema requires and the data lacks."""
    found = statistics.features(day.seen)
    for name, feature in day.features.items():
        is_required = feature.presence.min_count > 0 and feature.lifecycle_stage not in UNJUDGED
        if is_required and name not in found:
            yield Finding(
                name,
                Info.SCHEMA_MISSING_COLUMN,
                "Column dropped",
                "the column is in the schema, but not in the data",
                proposals.deprecate_feature(name),
            )


def type_change(column: Column) -> Iterator[Finding]:
    """Values of another type."""
    found, expected = type_of(column.seen), column.expected.type
    if column.num_present and expected != schema_pb2.TYPE_UNKNOWN and found != expected:
        name_of = schema_pb2.FeatureType.Name
        yield column.find(
            Info.UNEXPECTED_DATA_TYPE,
            "Type changed",
            f"values are {name_of(found)}, expected {name_of(expected)}",
            proposals.expect_type(column.as_found, column.day.seen),
        )


def low_presence(column: Column) -> Iterator[Finding]:
    """A value in too few rows, beyond what chance explains, or in none."""
    presence, num_rows = column.expected.presence, int(column.dataset.num_examples)
    if not num_rows:
        return
    share, found = column.num_present / num_rows, presence.min_fraction
    least = found - DEVIATIONS * math.sqrt(found * (1 - found) * column.rarity)
    if column.num_present < presence.min_count and (least > 0 or not found):
        yield column.find(
            Info.FEATURE_TYPE_LOW_NUMBER_PRESENT,
            "Never present",
            f"the feature has a value in {column.num_present:,} of {num_rows:,} rows, expected at "
            f"least {presence.min_count:,}",
            proposals.expect_presence(column.name, 0.0),
        )
    elif share < least:
        yield column.find(
            Info.FEATURE_TYPE_LOW_FRACTION_PRESENT,
            "Presence too low",
            f"the feature has a value in {share:.1%} of rows, expected at least {least:.1%}",
            proposals.expect_presence(
                column.name, column.day.inference.presence(column.seen, column.dataset)
            ),
        )


def valency(column: Column) -> Iterator[Finding]:
    """Rows with too many or too few values."""
    common, expected = statistics.common(column.seen), column.expected.value_count
    if not column.num_present:
        return
    found = column.as_found.value_count
    most = max(found.max, expected.max)
    remedy = proposals.expect_num_values(column.name, min(found.min, expected.min), most)
    if expected.max and common.max_num_values > expected.max:
        yield column.find(
            Info.FEATURE_TYPE_HIGH_NUMBER_VALUES,
            "Too many values",
            f"rows have up to {common.max_num_values:,} values, expected at most {expected.max:,}",
            remedy,
        )
    if common.min_num_values < expected.min:
        yield column.find(
            Info.FEATURE_TYPE_LOW_NUMBER_VALUES,
            "Too few values",
            f"some rows have {common.min_num_values:,} values, expected at least {expected.min:,}",
            remedy,
        )
