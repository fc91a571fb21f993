"""An axis of a plot: where a value lies on it, and its ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

_STEPS = (1.0, 2.0, 5.0, 10.0)
_UNITS = ((1e6, 1e6, " M"), (1e4, 1e3, " k"), (0.0, 1.0, ""))
"""From which value on, by what it is divided, and what stands behind it then."""


class Tick(NamedTuple):
    """A value that an axis names."""

    place: float
    """In percent of the axis."""
    label: str


@dataclass(frozen=True)
class Axis:
    """From one value to another, with a tick at every step."""

    low: float
    high: float
    step: float

    @staticmethod
    def over(values: Iterable[float], num_steps: int = 5) -> Axis:
        """The shortest axis that begins and ends at a tick and has room for all values that are
        finite, in about so many steps; from 0 to 1 where none is."""
        finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        if low == high:
            room = abs(low) / 2 or 0.5
            low, high = low - room, high + room
        step = _round_step((high - low) / num_steps)
        # A value that is a tick but for rounding begins no step of its own.
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return Axis(first * step, last * step, step)

    def at(self, value: float) -> float:
        """Where a value lies, in percent of the axis."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def nearest(self, value: float) -> float:
        """The value itself, or the end of the axis that it lies beyond."""
        return min(max(value, self.low), self.high)

    @property
    def ticks(self) -> list[Tick]:
        """Every tick, the ends among them."""
        num = round((self.high - self.low) / self.step)
        values = [(round(self.low / self.step) + place) * self.step for place in range(num + 1)]
        return [Tick(self.at(value), self._label(value)) for value in values]

    def _label(self, value: float) -> str:
        size, unit = self._unit
        decimals = max(0, -math.floor(math.log10(self.step / size) + 1e-9))
        return f"{value / size:,.{decimals}f}{unit if value else ''}"

    @property
    def _unit(self) -> tuple[float, str]:
        largest = max(abs(self.low), abs(self.high))
        return next((size, unit) for least, size, unit in _UNITS if largest >= least)


def _round_step(least: float) -> float:
    """The least of the round numbers that are no less."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(power * times for times in _STEPS if power * times >= least * (1 - 1e-9))
