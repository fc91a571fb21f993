"""What others read in a `DatasetFeatureStatisticsList`, so that none but these know its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

DatasetFeatureStatisticsList = Any
DatasetFeatureStatistics = Any
FeatureNameStatistics = Any

NUM_INFINITE = "num_infinite"
"""Name of the custom figure that counts infinite values."""


@dataclass(frozen=True)
class Histogram:
    """How values are spread over buckets that lie side by side."""

    edges: tuple[float, ...]
    """Where buckets begin and end, ascending: one more than there are buckets. A bucket holds what
    is at least its lower edge and less than its upper one; the last holds its upper edge too."""
    counts: tuple[float, ...]
    """Values in each bucket."""


def features(statistics: DatasetFeatureStatisticsList) -> dict[str, FeatureNameStatistics]:
    """The statistics of every feature by its name, over the whole of each dataset."""
    return {
        name: feature
        for dataset in statistics.datasets
        if not is_slice(dataset)
        for name, feature in features_of(dataset).items()
    }


def slices(statistics: DatasetFeatureStatisticsList) -> dict[str, DatasetFeatureStatistics]:
    """The datasets that are a part of another, by their names, such as `examples[country=BR]`."""
    return {dataset.name: dataset for dataset in statistics.datasets if is_slice(dataset)}


def is_slice(dataset: DatasetFeatureStatistics) -> bool:
    """Whether a dataset is a part of another one."""
    return "[" in dataset.name


def features_of(dataset: DatasetFeatureStatistics) -> dict[str, FeatureNameStatistics]:
    """The statistics of one dataset's features by their names."""
    return {name(feature): feature for feature in dataset.features}


def name(feature: FeatureNameStatistics) -> str:
    """A feature's name: its column, or `table.column` for a table of the logs."""
    return ".".join(feature.path.step)


def common(feature: FeatureNameStatistics) -> Any:
    """The `CommonStatistics` of a feature: presence, and values per example."""
    return getattr(feature, feature.WhichOneof("stats")).common_stats


def value_counts(feature: FeatureNameStatistics) -> dict[str, int]:
    """How often each of a string feature's most frequent values occurs, the most frequent first."""
    buckets = feature.string_stats.rank_histogram.buckets
    return {bucket.label: int(bucket.sample_count) for bucket in buckets}


def custom(feature: FeatureNameStatistics) -> dict[str, float]:
    """Figures that the messages have no field for, by name."""
    return {figure.name: figure.num for figure in feature.custom_stats}


def histogram(feature: FeatureNameStatistics) -> Histogram | None:
    """A number's finite values over buckets of equal width; None where it has none."""
    return _histogram(feature.num_stats.histograms, statistics_pb2.Histogram.STANDARD)


def quantiles(feature: FeatureNameStatistics) -> tuple[float, ...]:
    """Values that cut a number's finite ones into parts of the same size, from the least to the
    greatest; with many equal values, some are equal. Empty where it has none."""
    found = _histogram(feature.num_stats.histograms, statistics_pb2.Histogram.QUANTILES)
    return found.edges if found else ()


def num_values_quantiles(feature: FeatureNameStatistics) -> tuple[float, ...]:
    """The same for the number of values of a list, over the examples where it is present."""
    of_lengths = common(feature).num_values_histogram
    found = _histogram([of_lengths], statistics_pb2.Histogram.QUANTILES)
    return found.edges if found else ()


def save(statistics: DatasetFeatureStatisticsList, path: Path) -> None:
    """Writes the binary message."""
    path.write_bytes(statistics.SerializeToString(deterministic=True))


def load(path: Path) -> DatasetFeatureStatisticsList:
    """Reads the binary message."""
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())


def _histogram(histograms: Any, kind: int) -> Histogram | None:
    for each in histograms:
        if each.type == kind and each.buckets:
            lows = [bucket.low_value for bucket in each.buckets]
            return Histogram(
                edges=(*lows, each.buckets[-1].high_value),
                counts=tuple(bucket.sample_count for bucket in each.buckets),
            )
    return None
