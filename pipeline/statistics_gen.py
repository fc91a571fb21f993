"""StatisticsGen: what a span's examples look like, and how whole its tables are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.artifacts import Examples
from pipeline.integrity import HOURS, Counts, Figures
from recsys import engine
from recsys.config import Config
from recsys.features import integrity, statistics

STATISTICS = "statistics.pb"

_SHARES = {
    "duplicated": (integrity.DUPLICATE_SHARE, integrity.DUPLICATE_EXAMPLES),
    "unlinked": (integrity.UNLINKED_SHARE, integrity.UNLINKED_EXAMPLES),
    "repeated": (integrity.REPEATED_SHARE, integrity.REPEATED_EXAMPLES),
}


def statistics_gen(examples: Examples, config: Config, out: Path) -> None:
    """Writes `statistics.pb`: the datasets `queries` and `examples` and their slices, and one for
    each table of the logs that has a file, with the figures of `recsys.features.integrity`.
    Columns that the logs lack are no features.

    Raises:
        BadInput: a configured slice or pair does not fit the examples.
    """
    queries = engine.read_parquet(config.engine, [examples.queries])
    rows = engine.read_parquet(config.engine, [examples.examples])
    tables = {"queries": queries, "examples": rows.drop("query_row", "request_id")}
    computed = statistics.compute(config.engine, tables, config.statistics)
    _leave_out(computed, examples.missing)
    add_integrity(computed, examples.integrity)
    statistics.save(computed, out / STATISTICS)


def _leave_out(seen: statistics.DatasetFeatureStatisticsList, columns: Sequence[str]) -> None:
    """Removes columns that are in the examples only so that readers find them."""
    for dataset in seen.datasets:
        kept = [one for one in dataset.features if statistics.name(one) not in columns]
        del dataset.features[:]
        dataset.features.extend(kept)


def add_integrity(seen: statistics.DatasetFeatureStatisticsList, counts: Counts) -> None:
    """Adds a dataset for each table that was counted: its features are the table's keys, described
    as text, and its times; their paths have two steps, table and column."""
    for table, columns in counts.items():
        of_table = columns[""]
        dataset = seen.datasets.add(name=table, num_examples=int(of_table["num_rows"]))
        for column, figures in columns.items():
            if column:
                feature = dataset.features.add()
                feature.path.step.extend((table, column))
                num_missing = int(figures["num_missing"])
                num_present = dataset.num_examples - num_missing
                if column == integrity.TIME:
                    _describe_times(feature, figures, num_present)
                else:
                    _describe_key(feature, of_table | figures, num_present)
                _set_presence(statistics.common(feature), num_present, num_missing)


def _describe_key(feature: Any, figures: Figures, num_present: int) -> None:
    feature.type = statistics_pb2.FeatureNameStatistics.STRING
    feature.string_stats.SetInParent()
    if "age_days" in figures:
        _note(feature, integrity.SNAPSHOT_AGE_DAYS, figures["age_days"])
    if "num_duplicated" in figures:
        _note(feature, integrity.NUM_DUPLICATES, figures["num_duplicated"])
    for kind, (share, examples) in _SHARES.items():
        num = figures.get(f"num_{kind}")
        if num is not None:
            _note(feature, share, int(num) / max(1, num_present))
        if num:
            some = {figures[f"least_{kind}"], figures[f"greatest_{kind}"]}
            _note(feature, examples, ", ".join(sorted(str(key) for key in some)))


def _describe_times(feature: Any, figures: Figures, num_present: int) -> None:
    feature.type = statistics_pb2.FeatureNameStatistics.INT
    stats = feature.num_stats
    stats.min, stats.max = float(figures.get("min", 0)), float(figures.get("max", 0))
    histogram = stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    seconds = integrity.SECONDS_OF_DAY // HOURS
    for hour in range(HOURS):
        histogram.buckets.add(
            low_value=hour * seconds,
            high_value=(hour + 1) * seconds,
            sample_count=float(figures[f"hour_{hour}"]),
        )
    _note(feature, integrity.OUTSIDE_SHARE, int(figures["num_outside"]) / max(1, num_present))


def _set_presence(common: Any, num_present: int, num_missing: int) -> None:
    common.num_non_missing, common.num_missing = num_present, num_missing
    common.min_num_values = common.max_num_values = min(num_present, 1)
    common.tot_num_values, common.avg_num_values = num_present, min(num_present, 1)


def _note(feature: Any, name: str, figure: int | float | str) -> None:
    """Adds a custom figure: a number, or a text."""
    if isinstance(figure, str):
        feature.custom_stats.add(name=name, str=figure)
    else:
        feature.custom_stats.add(name=name, num=figure)
