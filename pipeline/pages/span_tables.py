"""The small tables of a span's page: its logs, its slices, and pairs of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from recsys.features import integrity, statistics
from recsys.features.anomalies import Row
from recsys.features.statistics import DatasetFeatureStatistics, DatasetFeatureStatisticsList
from recsys.reports import figures
from recsys.tables import TABLES

NUM_LIFTS = 3
"""Values with the highest lifts, and with the lowest, that are shown."""


class LogRow(NamedTuple):
    """One table of the logs."""

    table: str
    num_rows: int
    num_before: int | None
    odd: Mapping[str, str]
    """What isn't as it should be, by column, or by the table's own name."""


class SliceRow(NamedTuple):
    """A part of the queries or of the examples."""

    name: str
    num_rows: int
    share: float
    install_rate: float | None
    """Share of its examples that led to an install; None for queries."""


class PairRow(NamedTuple):
    """Two columns together."""

    names: tuple[str, str]
    num_rows: int
    figures: str


def log_rows(
    seen: DatasetFeatureStatisticsList,
    before: DatasetFeatureStatisticsList | None,
    rows: Sequence[Row],
) -> Iterator[LogRow]:
    """A row for each table that the span has, or the one before had.

    Args:
        seen: the span's statistics.
        before: those of the span before.
        rows: the anomalies of the span.
    """
    found, past = _datasets(seen), _datasets(before) if before is not None else {}
    wrong = {row.name: row.short for row in rows}
    for table in (table for table in TABLES if table in found or table in past):
        texts = {table: ""} | (_odd_columns(found[table]) if table in found else {})
        named = {name: text or wrong.get(name, "") for name, text in texts.items()}
        odd = {name.split(".")[-1]: text for name, text in named.items() if text}
        num_rows, num_before = (_num_rows(datasets, table) for datasets in (found, past))
        yield LogRow(table, num_rows or 0, num_before, odd)


def _num_rows(datasets: Mapping[str, DatasetFeatureStatistics], table: str) -> int | None:
    return datasets[table].num_examples if table in datasets else None


def slice_rows(seen: DatasetFeatureStatisticsList) -> Iterator[SliceRow]:
    """A row for each slice, in the order of the statistics."""
    whole = _datasets(seen)
    for name, dataset in statistics.slices(seen).items():
        installed = statistics.features_of(dataset).get("installed")
        rate = installed.num_stats.mean if installed else None
        share = dataset.num_examples / (whole[name.partition("[")[0]].num_examples or 1)
        yield SliceRow(name, dataset.num_examples, share, rate)


def pair_rows(seen: DatasetFeatureStatisticsList) -> Iterator[PairRow]:
    """A row for each pair of columns that has figures together."""
    for dataset in _datasets(seen).values():
        for cross in dataset.cross_features:
            names = ".".join(cross.path_x.step), ".".join(cross.path_y.step)
            is_of_numbers = cross.WhichOneof("cross_stats") == "num_cross_stats"
            text = _correlation(cross) if is_of_numbers else _lifts(cross)
            yield PairRow(names, cross.count, text)


def _datasets(seen: DatasetFeatureStatisticsList) -> dict[str, DatasetFeatureStatistics]:
    """The datasets by name, without their slices."""
    return {one.name: one for one in seen.datasets if not statistics.is_slice(one)}


def _odd_columns(table: DatasetFeatureStatistics) -> dict[str, str]:
    """What the figures say of each column, in words; "" where all is as it should be."""
    return {
        name: ", ".join(_findings(statistics.custom(feature)))
        for name, feature in statistics.features_of(table).items()
    }


def _findings(figure: Mapping[str, float]) -> Iterator[str]:
    if num := figure.get(integrity.NUM_DUPLICATES):
        yield f"{num:,.0f} duplicates"
    if share := figure.get(integrity.UNLINKED_SHARE):
        yield f"{figures.share(share)} lead nowhere"
    if share := figure.get(integrity.REPEATED_SHARE):
        yield f"{figures.share(share)} were there the day before"
    if share := figure.get(integrity.OUTSIDE_SHARE):
        yield f"{figures.share(share)} are of another day"
    if days := figure.get(integrity.SNAPSHOT_AGE_DAYS):
        yield f"{days:.0f} day{'s'[: days != 1]} old"


def _correlation(cross: Any) -> str:
    return f"correlation {figures.figure(cross.num_cross_stats.correlation)}"


def _lifts(cross: Any) -> str:
    """The values that make the label the likeliest, and the unlikeliest."""
    series = cross.categorical_cross_stats.lift.lift_series
    values = [value for one in series for value in one.lift_values]
    ranked = sorted(values, key=lambda value: -value.lift)
    shown = ranked if len(ranked) <= 2 * NUM_LIFTS else [*ranked[:NUM_LIFTS], *ranked[-NUM_LIFTS:]]
    return ", ".join(f"{value.x_string} {figures.figure(value.lift)}" for value in shown)
