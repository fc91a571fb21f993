"""A feature of one span beside the same of the span before: a small plot and a few figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from recsys.features import statistics
from recsys.features.statistics import FeatureNameStatistics
from recsys.reports import figures, plots
from recsys.tables import SCHEMAS

NUM_BARS = 6
"""Values of a category that are shown."""
MIN_OCCURRENCES = 1.5
"""Values that occur less often than this, on average, are keys: bars of them would say nothing."""

_TIMES = {
    column.name
    for schema in SCHEMAS.values()
    for column in schema
    if pa.types.is_temporal(column.type)
}


class Seen(NamedTuple):
    """A feature as one span showed it."""

    span: str
    """What to call the span where there is little room."""
    feature: FeatureNameStatistics
    num_rows: int
    """Rows of the dataset that it is a column of."""

    @property
    def num_present(self) -> int:
        """Rows that have a value."""
        return int(statistics.common(self.feature).num_non_missing)


class Bar(NamedTuple):
    """One value of a category, and the share of all values that it has."""

    value: str
    now: float
    before: float | None
    """None where there is no span before."""
    note: str
    """`new` or `gone`, where it is."""


@dataclass(frozen=True)
class Card:
    """What a page shows of a feature."""

    name: str
    kind: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """A row a span, this one first: its name, and a figure for each heading."""
    steps: plots.Steps | None = None
    """A number's histogram."""
    ends: tuple[str, str] = ("", "")
    """Where the histogram's axis begins and ends."""
    bars: tuple[Bar, ...] = ()
    """A category's values, the most frequent first."""
    rest: str = ""
    """What the bars leave out."""

    @property
    def longest(self) -> float:
        """The share that a bar of full length stands for."""
        return max(share for bar in self.bars for share in (bar.now, bar.before or 0))


def card(now: Seen | None, before: Seen | None) -> Card:
    """The card of a feature.

    Args:
        now: this span's; None where only the span before has the feature.
        before: the span's before, if it has the feature; not compared if it is of another type.
    """
    if now is None:
        assert before is not None
        rows = ((before.span, _presence(before)),)
        return Card(statistics.name(before.feature), "not in the data", ("present",), rows)
    are_alike = before is not None and before.feature.type == now.feature.type
    sides = [now, before] if before is not None and are_alike else [now]
    if now.feature.WhichOneof("stats") == "string_stats":
        return _of_strings(sides)
    return _of_numbers(sides)


Column = Callable[[Seen], str]
"""One figure of a feature, as text."""


def _of_numbers(sides: Sequence[Seen]) -> Card:
    name = statistics.name(sides[0].feature)
    is_time = name in _TIMES
    show = _moment if is_time else figures.figure
    columns: dict[str, Column] = {"present": _presence}
    for heading in ("min", "max") if is_time else ("mean", "median", "min", "max"):
        columns[heading] = _shown(heading, show)
    for heading, num_odd in (("zero", _num_zeros), ("NaN", _num_nan), ("∞", _num_infinite)):
        if any(num_odd(side.feature) for side in sides):
            columns[heading] = _share_of_present(num_odd)
    steps = plots.steps(*(_buckets(side) for side in sides))
    ends = (show(steps.low), show(steps.high)) if steps else ("", "")
    kind = "time" if is_time else "number"
    return Card(name, kind, tuple(columns), _rows(sides, columns), steps, ends)


def _of_strings(sides: Sequence[Seen]) -> Card:
    columns: dict[str, Column] = {"present": _presence, "distinct": _num_distinct}
    is_list = any(statistics.common(side.feature).max_num_values > 1 for side in sides)
    if is_list:
        columns |= {"values a row": _mean_values, "at most": _most_values}
    else:
        columns["mean length"] = lambda side: figures.figure(side.feature.string_stats.avg_length)
    name = statistics.name(sides[0].feature)
    kind = "list of strings" if is_list else "string"
    bars, rest = _bars(*(_Values(side.feature) for side in sides))
    return Card(name, kind, tuple(columns), _rows(sides, columns), bars=bars, rest=rest)


def _rows(sides: Sequence[Seen], columns: Mapping[str, Column]) -> tuple[tuple[str, ...], ...]:
    return tuple((side.span, *(show(side) for show in columns.values())) for side in sides)


def _buckets(side: Seen) -> plots.Buckets | None:
    """The histogram as shares of the rows that have a value, so that spans compare."""
    histogram = statistics.histogram(side.feature)
    if histogram is None:
        return None
    shares = tuple(num / side.num_present for num in histogram.counts)
    return plots.Buckets(histogram.edges, shares)


class _Values:
    """The values of a category."""

    def __init__(self, feature: FeatureNameStatistics):
        total = statistics.common(feature).tot_num_values
        counts = statistics.value_counts(feature)
        self.shares = {value: num / total for value, num in counts.items()}
        self.num = int(feature.string_stats.unique)
        self.are_keys = bool(counts) and total < MIN_OCCURRENCES * self.num
        self._are_all = self.num == len(counts)

    def lack(self, value: str) -> bool:
        """Whether this value is surely not among them."""
        return self._are_all and value not in self.shares


def _bars(now: _Values, before: _Values | None = None) -> tuple[tuple[Bar, ...], str]:
    """The values that are the most frequent in either span, and what they leave out of this one."""
    if now.are_keys:
        return (), "nearly every value occurs once"
    past = before.shares if before else {}
    highest = {v: max(now.shares.get(v, 0), past.get(v, 0)) for v in (*now.shares, *past)}
    shown = sorted(highest, key=lambda value: (-highest[value], value))[:NUM_BARS]
    bars = tuple(
        Bar(
            value[: figures.MAX_VALUE_LENGTH],
            now.shares.get(value, 0.0),
            past.get(value, 0.0) if before else None,
            "gone" if now.lack(value) else "new" if before and before.lack(value) else "",
        )
        for value in shown
    )
    num_left = now.num - sum(value in now.shares for value in shown)
    rest = figures.share(1 - sum(bar.now for bar in bars))
    return bars, f"and {num_left:,} more values, {rest}" if num_left else ""


def _presence(side: Seen) -> str:
    return figures.share(side.num_present / side.num_rows if side.num_rows else None)


def _num_distinct(side: Seen) -> str:
    return figures.count(side.feature.string_stats.unique)


def _mean_values(side: Seen) -> str:
    return figures.figure(statistics.common(side.feature).avg_num_values)


def _most_values(side: Seen) -> str:
    return figures.count(statistics.common(side.feature).max_num_values)


def _shown(figure: str, show: Callable[[float], str]) -> Column:
    return lambda side: show(getattr(side.feature.num_stats, figure))


def _share_of_present(num_odd: Callable[[FeatureNameStatistics], float]) -> Column:
    return lambda side: figures.share(num_odd(side.feature) / (side.num_present or 1))


def _num_zeros(feature: FeatureNameStatistics) -> float:
    return float(feature.num_stats.num_zeros)


def _num_nan(feature: FeatureNameStatistics) -> float:
    return max((float(each.num_nan) for each in feature.num_stats.histograms), default=0.0)


def _num_infinite(feature: FeatureNameStatistics) -> float:
    return statistics.custom(feature).get(statistics.NUM_INFINITE, 0.0)


def _moment(seconds: float) -> str:
    """Seconds since 1970 as a time of a day, UTC; as seconds where no calendar has that day."""
    try:
        time = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    except OverflowError:
        return f"{figures.figure(seconds)} s"
    return f"{time.day} {time:%b %H:%M}"
