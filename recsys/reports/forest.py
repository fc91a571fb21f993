"""Forest plots: a table whose rows each have figures with intervals, drawn on common axes.

A row is an own small SVG, which its cell stretches, so that names wrap and numbers stay readable on
a screen of any width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from recsys.reports.axes import Axis


@dataclass(frozen=True)
class Mark:
    """A figure of one row."""

    value: float
    interval: tuple[float, float] | None
    beside: float | None
    """What it is held against: another's figure, or a limit."""
    text: str
    """The figure in a few letters."""
    words: str
    """All of it in words."""


@dataclass(frozen=True)
class Panel:
    """One column of figures on one axis."""

    heading: str
    axis: Axis
    line: float
    """Where a line runs through all rows, such as at no change."""

    @staticmethod
    def over(heading: str, line: float, marks: Sequence[Mark | None]) -> Panel:
        """A column that has room for the line and all marks."""
        values = [line]
        for mark in marks:
            if mark is not None:
                values += [mark.value, *(mark.interval or ())]
                values += [] if mark.beside is None else [mark.beside]
        return Panel(heading, Axis.over(values), line)

    def across(self, value: float | None) -> str:
        """The path of a line across the row; empty where there is no number."""
        return f"M{self.axis.at(value):g} 0V100" if _is_number(value) else ""

    def point(self, value: float) -> str:
        """The path of a point, which a round cap makes visible."""
        return f"M{self.axis.at(value):g} 50h0" if _is_number(value) else ""

    def between(self, interval: tuple[float, float] | None) -> str:
        """The path of a line along an interval."""
        if interval is None or not all(_is_number(end) for end in interval):
            return ""
        low, high = interval
        return f"M{self.axis.at(low):g} 50H{self.axis.at(high):g}"


@dataclass(frozen=True)
class Row:
    """What stands in one line."""

    name: str
    cells: tuple[str, ...]
    """Counts and the like."""
    marks: tuple[Mark | None, ...]
    """One a panel; None where there is none."""
    tone: str = ""
    """Of `style.css`, where the row is not as it should be."""


@dataclass(frozen=True)
class Forest:
    """The whole plot."""

    headings: tuple[str, ...]
    """Of the name and of the cells."""
    panels: tuple[Panel, ...]
    rows: tuple[Row, ...]


def forest(
    headings: tuple[str, ...], panels: Sequence[tuple[str, float]], rows: Sequence[Row]
) -> Forest:
    """Fits axes to what the rows hold.

    Args:
        headings: of the name and of the cells.
        panels: the heading of each, and where a line runs through all its rows.
        rows: in the order in which they are shown.
    """
    fitted = [
        Panel.over(heading, line, [row.marks[place] for row in rows])
        for place, (heading, line) in enumerate(panels)
    ]
    return Forest(headings, tuple(fitted), tuple(rows))


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
