"""Small plots as inline SVG: steps over buckets, of one thing now and of the same before.

A plot of this size is one path. Drawn here it takes 300 bytes, no time, and the colours of its
page; matplotlib took 5.5 KB and 22 ms for each, and more than a second to import.
"""

from __future__ import annotations

from typing import NamedTuple

WIDTH = 300
HEIGHT = 64
_SLIVER = 2.0
"""Width of a bucket that has none: of values that are all the same."""


class Buckets(NamedTuple):
    """How much lies between adjacent edges."""

    edges: tuple[float, ...]
    """Ascending; one more than there are amounts."""
    amounts: tuple[float, ...]


class Steps(NamedTuple):
    """Two outlines on common axes, each the `d` of an SVG path in a box of `WIDTH` x `HEIGHT`."""

    now: str
    """Empty where there was nothing to draw."""
    before: str
    low: float
    """The value at the box's left edge."""
    high: float
    most: float
    """The amount at its top."""


def steps(now: Buckets | None, before: Buckets | None = None) -> Steps | None:
    """Draws buckets; None where there are none at all."""
    drawn = [buckets for buckets in (now, before) if buckets]
    if not drawn:
        return None
    axes = _Axes(
        min(buckets.edges[0] for buckets in drawn),
        max(buckets.edges[-1] for buckets in drawn),
        max(amount for buckets in drawn for amount in buckets.amounts),
    )
    return Steps(axes.path(now), axes.path(before), *axes)


class _Axes(NamedTuple):
    low: float
    high: float
    most: float

    def path(self, buckets: Buckets | None) -> str:
        """The outline of the buckets, from the ground to the ground."""
        if buckets is None:
            return ""
        left, *edges = (self._x(edge) for edge in buckets.edges)
        edges[-1] = max(edges[-1], left + _SLIVER)
        corners = zip(buckets.amounts, edges, strict=True)
        line = "".join(f"V{self._y(amount):g}H{edge:g}" for amount, edge in corners)
        return f"M{left:g} {HEIGHT}{line}V{HEIGHT}"

    def _x(self, value: float) -> float:
        width = self.high - self.low
        # What is constant stands in the middle.
        return round(WIDTH * ((value - self.low) / width if width else 0.5), 1)

    def _y(self, amount: float) -> float:
        return round(HEIGHT * (1 - amount / self.most if self.most else 1), 1)
