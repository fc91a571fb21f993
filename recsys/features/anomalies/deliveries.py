"""Days that are short or late: too few examples, tables that are missing or old, hours without a
row."""

from __future__ import annotations

from collections.abc import Iterator

from recsys.features import integrity, proposals, statistics
from recsys.features.anomalies.day import Column, Day, Finding, Info
from recsys.features.inference import EXAMPLES, num_examples
from recsys.tables import TABLES

MIN_ROWS_OF_AN_HOUR = 30
"""An hour that has so many rows in the reference has none by chance in no day of a third as many
(e^-10)."""


def too_few_examples(day: Day) -> Iterator[Finding]:
    """Fewer examples than every span must have."""
    least, found = (
        day.expected.schema.dataset_constraints.min_examples_count,
        num_examples(day.seen),
    )
    if found < least:
        yield Finding(
            "",
            Info.DATASET_LOW_NUM_EXAMPLES,
            "Too few examples",
            f"the span has {found:,} examples, expected at least {least:,}",
            proposals.expect_examples(day.inference.least_examples(found)),
        )


def volume(day: Day) -> Iterator[Finding]:
    """Far fewer or more examples than the last day that passed had, and every reference too."""
    limits = day.expected.schema.dataset_constraints
    if not limits.HasField("num_examples_drift_comparator"):
        return
    ratio, found = limits.num_examples_drift_comparator, num_examples(day.seen)
    others = [int(o.num_examples) for o in day.before + day.references if o.name == EXAMPLES]
    least = ratio.min_fraction_threshold * min(others)
    most = ratio.max_fraction_threshold * max(others)
    compared = f"the span has {found:,} examples, the last one that passed {others[0]:,}"
    remedy = proposals.refer_to_volume(day.seen)
    if found < least:
        short, type_ = "Fewer examples", Info.COMPARATOR_LOW_NUM_EXAMPLES
        yield Finding("", type_, short, f"{compared}, expected at least {least:,.0f}", remedy)
    if found > most:
        short, type_ = "More examples", Info.COMPARATOR_HIGH_NUM_EXAMPLES
        yield Finding("", type_, short, f"{compared}, expected at most {most:,.0f}", remedy)


def late_tables(day: Day) -> Iterator[Finding]:
    """Tables without a row that the reference has."""
    for table in TABLES if day.is_daily else ():
        of_table = (one.num_examples for one in day.references if one.name == table)
        expected = max(of_table, default=0)
        if expected and not (table in day.datasets and day.datasets[table].num_examples):
            yield Finding(
                table,
                Info.NO_DATA_IN_SPAN,
                "Table late",
                f"the day has no {table}, the reference has {expected:,}",
                proposals.mend(f"deliver the day's {table}, then run again"),
            )


def old_snapshot(column: Column) -> Iterator[Finding]:
    """A snapshot that is older than in the reference."""
    age, *known = (
        statistics.custom(one).get(integrity.SNAPSHOT_AGE_DAYS, 0)
        for one in (column.seen, *(seen for seen, _ in column.among(column.day.references)))
    )
    most = max(known, default=age)
    if column.day.is_daily and age > most:
        found, expected = _days(age), _days(most)
        yield column.find(
            Info.CUSTOM_VALIDATION,
            "Snapshot late",
            f"the snapshot of {column.dataset.name} is {found} old, expected at most {expected}",
            proposals.expect_snapshot(column.name, found, column.day.seen),
        )


def empty_hours(column: Column) -> Iterator[Finding]:
    """Hours without a row, where the reference has many."""
    reference, _ = next(column.among(column.day.references), (None, None))
    is_time = column.name == f"{column.dataset.name}.{integrity.TIME}"
    if not is_time or reference is None or not column.day.is_daily:
        return
    found, expected = statistics.histogram(column.seen), statistics.histogram(reference)
    if found is None or expected is None:
        return
    empty = [
        hour
        for hour, (num, num_expected) in enumerate(zip(found.counts, expected.counts, strict=True))
        if not num and num_expected >= MIN_ROWS_OF_AN_HOUR
    ]
    if empty:
        yield column.find(
            Info.CUSTOM_VALIDATION,
            "Hours without rows",
            f"{len(empty)} hours have no {column.dataset.name}: {_ranges(empty)} (UTC)",
            proposals.mend(f"deliver the {column.dataset.name} of these hours, then run again"),
        )


def _days(number: float) -> str:
    return "1 day" if number == 1 else f"{number:.0f} days"


def _ranges(hours: list[int]) -> str:
    """Hours as spans of the clock: [0, 1, 5] gives 00:00-02:00, 05:00-06:00."""
    begins = [hour for hour in hours if hour - 1 not in hours]
    ends = [hour + 1 for hour in hours if hour + 1 not in hours]
    return ", ".join(f"{b:02}:00-{e:02}:00" for b, e in zip(begins, ends, strict=True))
