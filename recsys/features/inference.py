"""A first schema, inferred from one span: generously, so that it stops what is broken and lets pass
what is new."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from recsys import config
from recsys.features import integrity, statistics
from recsys.features.schema import SERVING, TRAINING, Feature, Schema
from recsys.features.statistics import DatasetFeatureStatisticsList, FeatureNameStatistics
from recsys.tables import TABLES

EXAMPLES = "examples"
"""The dataset with a row an impression."""
WITNESSES = ("user_id", "app_id")
"""Keys of those of whom a dataset tells: users of queries, apps of examples."""

MAX_DOMAIN_VALUES = 100
"""A string feature with more values than this has no domain, and is no category that drifts."""
MIN_WITNESSES_PER_VALUE = 20
"""A domain needs so many different users (or apps) for each of its values: one busy user who
repeats a value proves little."""
CLOCK_SIZE, CLOCK_SPREAD = 1_000_000, 0.1
"""Integers that are all at least so large, and differ by less than this share of their size, are
times or numbered keys, as the seconds since 1970 of one day are: they move by their nature."""

_TYPES = {
    statistics_pb2.FeatureNameStatistics.INT: schema_pb2.INT,
    statistics_pb2.FeatureNameStatistics.FLOAT: schema_pb2.FLOAT,
    statistics_pb2.FeatureNameStatistics.STRING: schema_pb2.BYTES,
}


@dataclass(frozen=True)
class Inference:
    """What inference knows beside the statistics."""

    settings: config.Validation
    used: Collection[str] = ()
    """Features that models read, keys and labels: what is in production."""
    not_served: Collection[str] = ()
    """Features that no server has at a request: labels, and what comes of serving."""

    def schema(self, seen: DatasetFeatureStatisticsList) -> Schema:
        """A schema that the data it was inferred from satisfies, and most days like it.

        - type: as found; unknown where a feature was never present;
        - presence: at least once, in nearly the share of rows that it was found in;
        - valency: exactly one value, or for lists a generous bound, where impressions are logged:
          imported histories begin with nothing;
        - domain: strings of few values that many users or apps share; ids get none;
        - range: non-negative numbers stay so, and extremes have room; no NaN and no infinity,
          where there was none;
        - times of the logs: within the span's day;
        - drift and volume: where impressions are logged, so that one day is like another.
        """
        schema = schema_pb2.Schema(default_environment=[TRAINING, SERVING])
        is_logged = has_impressions(seen)
        for dataset in wholes(seen):
            if dataset.name in TABLES:
                schema.feature.extend(_times(dataset))
            else:
                for feature in dataset.features:
                    schema.feature.append(self.feature(feature, dataset, is_logged))
        if is_logged:
            self._limit_volume(schema, num_examples(seen))
        return schema

    def feature(self, seen: FeatureNameStatistics, dataset: Any, is_logged: bool) -> Feature:
        """The schema of one feature of a dataset; see `schema`."""
        name = statistics.name(seen)
        stage = schema_pb2.PRODUCTION if name in self.used else schema_pb2.BETA
        feature = schema_pb2.Feature(name=name, lifecycle_stage=stage)
        if name in self.not_served:
            feature.not_in_environment.append(SERVING)
        if not statistics.common(seen).num_non_missing:
            return feature
        feature.type = type_of(seen)
        self._limit_presence(feature, seen, dataset)
        _limit_valency(feature, seen, self.settings.range_room if is_logged else math.inf)
        _limit_range(feature, seen, self.settings.range_room)
        self._limit_domain(feature, seen, witnesses(dataset))
        if is_logged:
            self._limit_drift(feature, seen)
        if name not in self.not_served:
            feature.skew_comparator.infinity_norm.threshold = self.settings.max_skew
        return feature

    def presence(self, seen: FeatureNameStatistics, dataset: Any) -> float:
        """The least presence to expect of a feature that was found in this share of rows."""
        found: float = statistics.common(seen).num_non_missing / dataset.num_examples
        return max(0.0, round(found - self.settings.presence_slack, 3))

    def least_examples(self, num_found: int) -> int:
        """How many examples to expect at least, where there were so many."""
        return max(1, int(num_found * self.settings.min_examples_share))

    def _limit_volume(self, schema: Schema, num_found: int) -> None:
        limits = schema.dataset_constraints
        limits.min_examples_count = self.least_examples(num_found)
        ratio = limits.num_examples_drift_comparator
        ratio.min_fraction_threshold = self.settings.min_volume_ratio
        ratio.max_fraction_threshold = self.settings.max_volume_ratio

    def _limit_presence(self, feature: Feature, seen: FeatureNameStatistics, dataset: Any) -> None:
        feature.presence.min_count = 1
        feature.presence.min_fraction = self.presence(seen, dataset)

    def _limit_domain(
        self, feature: Feature, seen: FeatureNameStatistics, num_witnesses: int
    ) -> None:
        most = min(MAX_DOMAIN_VALUES, num_witnesses // MIN_WITNESSES_PER_VALUE)
        if 0 < seen.string_stats.unique <= most:
            feature.string_domain.value.extend(sorted(statistics.value_counts(seen)))
            feature.distribution_constraints.min_domain_mass = self.settings.min_domain_mass

    def _limit_drift(self, feature: Feature, seen: FeatureNameStatistics) -> None:
        if feature.type == schema_pb2.BYTES:
            if seen.string_stats.unique <= MAX_DOMAIN_VALUES:
                limit = self.settings.max_category_drift
                feature.drift_comparator.infinity_norm.threshold = limit
        elif not is_clock(seen):
            limit = self.settings.max_number_drift
            feature.drift_comparator.jensen_shannon_divergence.threshold = limit


def wholes(seen: DatasetFeatureStatisticsList) -> Iterator[Any]:
    """The datasets that are not a slice of another."""
    return (dataset for dataset in seen.datasets if not statistics.is_slice(dataset))


def num_examples(seen: DatasetFeatureStatisticsList) -> int:
    """How many examples a day has."""
    return next(int(one.num_examples) for one in seen.datasets if one.name == EXAMPLES)


def has_impressions(seen: DatasetFeatureStatisticsList) -> bool:
    """Whether impressions are logged, which have a position: only then is one day's volume like
    another's."""
    position = statistics.features(seen).get("position")
    return position is not None and statistics.common(position).num_non_missing > 0


def witnesses(dataset: Any) -> int:
    """How many different users a dataset of queries shows, or apps one of examples."""
    found = statistics.features_of(dataset)
    return max((found[key].string_stats.unique for key in WITNESSES if key in found), default=0)


def type_of(seen: FeatureNameStatistics) -> int:
    """The schema's type for a feature of statistics."""
    found: int = _TYPES[seen.type]
    return found


def is_clock(seen: FeatureNameStatistics) -> bool:
    """Whether a feature looks like times or numbered keys."""
    least, most = float(seen.num_stats.min), float(seen.num_stats.max)
    size = min(abs(least), abs(most))
    is_far = size >= CLOCK_SIZE and most - least < CLOCK_SPREAD * size
    return type_of(seen) == schema_pb2.INT and is_far


def _times(dataset: Any) -> Iterator[Feature]:
    """What is expected of a log table's times: that they are the day's. Whether there are any is
    said of the table."""
    name = f"{dataset.name}.{integrity.TIME}"
    if name in statistics.features_of(dataset):
        feature = schema_pb2.Feature(
            name=name, type=schema_pb2.INT, lifecycle_stage=schema_pb2.PRODUCTION
        )
        feature.int_domain.min, feature.int_domain.max = 0, integrity.SECONDS_OF_DAY - 1
        yield feature


def _limit_valency(feature: Feature, seen: FeatureNameStatistics, room: float) -> None:
    common = statistics.common(seen)
    is_list = common.max_num_values > 1 or common.min_num_values != common.max_num_values
    feature.value_count.min = min(1, common.min_num_values)
    if not is_list:
        feature.value_count.max = 1
    elif math.isfinite(room):
        feature.value_count.max = math.ceil(common.max_num_values * room)


def _limit_range(feature: Feature, seen: FeatureNameStatistics, room: float) -> None:
    if feature.type == schema_pb2.BYTES:
        return
    least, most = seen.num_stats.min, seen.num_stats.max
    domain = feature.float_domain if feature.type == schema_pb2.FLOAT else feature.int_domain
    whole = float if feature.type == schema_pb2.FLOAT else int
    if feature.type == schema_pb2.FLOAT:
        num_nan = sum(histogram.num_nan for histogram in seen.num_stats.histograms[:1])
        domain.disallow_nan = not num_nan
        domain.disallow_inf = not statistics.custom(seen)[statistics.NUM_INFINITE]
    if math.isfinite(least) and math.isfinite(most) and not is_clock(seen):
        domain.min = whole(0 if least >= 0 else least * room)
        if most != 0 and (most > 0 or least < 0):
            domain.max = whole(most * room if most > 0 else 0)
