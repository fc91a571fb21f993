"""The charts of an experiment's page, over its days: the lift, the users, what it could find."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from recsys.experiments.estimates import Interval
from recsys.experiments.power import Horizon
from recsys.experiments.sequential import Look
from recsys.reports import figures
from recsys.reports.axes import Axis
from recsys.reports.charts import Chart, Plane, Point, Shape

_MOST_TIMES = 3.0
"""Intervals that are so many times as wide as the last one may end beyond the chart."""


def lift_by_day(looks: Sequence[Look]) -> Chart | None:
    """The lift in percent at the end of each day, in the band of all days together and in the
    interval of that day alone; None where it is not known on any day.

    The first days' intervals are wide enough to flatten all others, so the axis has room for those
    of later days, and cuts the others off.
    """
    days = [float(number) for number in range(1, len(looks) + 1)]
    points = [(day, 100 * look.once.lift) for day, look in zip(days, looks, strict=True)]
    if not any(math.isfinite(lift) for _, lift in points):
        return None
    bands = [_percent(look.always_valid.lift_interval) for look in looks]
    inner = [_percent(look.once.lift_interval) for look in looks]
    y = Axis.over([0.0, *_shown(bands, inner, points)])
    plane = Plane(_days(len(looks)), y)
    within = [(day, lift) for day, lift in points if y.low <= lift <= y.high]
    return plane.chart(
        [
            Shape("band", plane.band(zip(days, bands, strict=True))),
            Shape("inner", plane.band(zip(days, inner, strict=True))),
            Shape("ideal", plane.line([(plane.x.low, 0.0), (plane.x.high, 0.0)])),
            Shape("now-line", plane.line(within)),
            *_told(plane, looks, within),
        ]
    )


def users_by_day(by_arm: Mapping[str, Sequence[int]]) -> Chart:
    """Users exposed by the end of each day: of the control in ink, of the treatments in colour."""
    lines = [
        [(float(day), float(num)) for day, num in enumerate(counts, start=1)]
        for counts in by_arm.values()
    ]
    plane = Plane(
        _days(len(lines[0])), Axis.over([0.0, *(num for line in lines for _, num in line)])
    )
    kinds = ["before", *["now-line"] * (len(lines) - 1)]
    dots = [(kind, line) for kind, line in zip(kinds, lines, strict=True) if len(line) == 1]
    return plane.chart(
        [
            *(Shape(kind, plane.line(line)) for kind, line in zip(kinds, lines, strict=True)),
            *(Shape("now-dots", plane.dots(line)) for _, line in dots),
        ]
    )


def least_lift_by_day(horizons: Mapping[str, Sequence[Horizon]]) -> Chart | None:
    """The least lift in percent that would be found, had the experiment ended on a day: raw in ink,
    with CUPED in colour; None where none would be found on any day."""
    lines = {
        kind: [(float(one.num_days), 100 * one.detectable_lift) for one in found]
        for kind, found in horizons.items()
    }
    known = [lift for line in lines.values() for _, lift in line if math.isfinite(lift)]
    if not known:
        return None
    last = min(line[-1][1] for line in lines.values())
    most = max(known) if not math.isfinite(last) else min(max(known), 5 * last)
    num_days = max(len(line) for line in lines.values())
    plane = Plane(_days(num_days), Axis.over([0.0, most]))
    within = {
        kind: [(day, lift) for day, lift in line if lift <= plane.y.high]
        for kind, line in lines.items()
    }
    return plane.chart(
        [
            Shape("before", plane.line(within["raw"])),
            Shape("now-line", plane.line(within.get("cuped", []))),
        ]
    )


def _days(num_days: int) -> Axis:
    """All days, with a tick on whole ones."""
    step = max(1, math.ceil((num_days - 1) / 7))
    first = 1 if step == 1 else 0
    last = first + step * max(1, math.ceil((num_days - first) / step))
    return Axis(float(first), float(last), float(step))


def _shown(
    bands: Sequence[Interval], inner: Sequence[Interval], points: Sequence[Point]
) -> Iterator[float]:
    """What the axis has room for."""
    last = _width(bands[-1])
    yield points[-1][1]
    for ends in (*bands, *inner):
        if _width(ends) <= _MOST_TIMES * last:
            yield from ends


def _width(ends: Interval) -> float:
    return ends[1] - ends[0]


def _percent(ends: Interval) -> Interval:
    low, high = ends
    return 100 * low, 100 * high


def _told(plane: Plane, looks: Sequence[Look], within: Sequence[Point]) -> Iterator[Shape]:
    """A point a day, which says its figures."""
    for day, lift in within:
        look = looks[int(day) - 1]
        words = (
            f"{look.day}, {look.num_users:,} users: {figures.change(look.once.lift)}, that day "
            f"alone {figures.change_interval(look.once.lift_interval)}, all days together "
            f"{figures.change_interval(look.always_valid.lift_interval)}"
        )
        yield Shape("now-dots", plane.dots([(day, lift)]), words)
