"""Charts of two axes: SVG paths in a square of 100 that the page stretches to its own width, with
the ticks as text of the page, which no stretching distorts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recsys.reports.axes import Axis

Point = tuple[float, float]


class Shape(NamedTuple):
    """Something drawn."""

    kind: str
    """A class of `style.css`, which says how it looks."""
    path: str
    """The `d` of an SVG path."""
    words: str = ""
    """What a pointer over it is told."""


@dataclass(frozen=True)
class Chart:
    """What is drawn on two axes."""

    x: Axis
    y: Axis
    shapes: tuple[Shape, ...]


class Plane(NamedTuple):
    """Two axes that shapes are drawn on."""

    x: Axis
    y: Axis

    @staticmethod
    def over(points: Sequence[Point]) -> Plane:
        """Axes that have room for all points."""
        return Plane(Axis.over(x for x, _ in points), Axis.over(y for _, y in points))

    def line(self, points: Iterable[Point]) -> str:
        """The path through points, with a gap where one is not a number."""
        path, step = "", "M"
        for x, y in points:
            if math.isfinite(y):
                path += f"{step}{self._at(x, y)}"
                step = "L"
            else:
                step = "M"
        return path

    def dots(self, points: Iterable[Point]) -> str:
        """The path of single points, which round caps make visible."""
        return "".join(f"M{self._at(x, y)}h0" for x, y in points if math.isfinite(y))

    def whisker(self, x: float, interval: tuple[float, float]) -> str:
        """The path of a vertical line along an interval."""
        low, high = interval
        return self.line([(x, low), (x, high)])

    def band(self, intervals: Iterable[tuple[float, tuple[float, float]]]) -> str:
        """The path round an interval at each place; ends beyond the axis are cut off at it, and
        places where one is not known are left out."""
        known = [(x, ends) for x, ends in intervals if all(map(math.isfinite, ends))]
        if not known:
            return ""
        low = [(x, self.y.nearest(low)) for x, (low, _) in known]
        high = [(x, self.y.nearest(high)) for x, (_, high) in known]
        return f"{self.line([*high, *low[::-1]])}Z"

    def chart(self, shapes: Iterable[Shape]) -> Chart:
        """Those of the shapes that there is something of."""
        return Chart(self.x, self.y, tuple(shape for shape in shapes if shape.path))

    def _at(self, x: float, y: float) -> str:
        return f"{self.x.at(x):g} {100 - self.y.at(y):g}"
