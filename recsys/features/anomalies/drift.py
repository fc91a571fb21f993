"""Features that are distributed otherwise than before.

A day is far off suddenly when it is far from the last day that passed and from every reference, so
that the day after an odd one is not blamed for being ordinary again; or slowly, when many small
steps have led far from every reference. What chance explains is allowed on top, by how many
different users (or apps) both days show: of one user's requests the second tells little that is
new.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2

from recsys.features import distances, proposals
from recsys.features.anomalies.day import Column, Day, Finding, Info
from recsys.features.statistics import FeatureNameStatistics

SLOW = 2.1
"""How many times as far as in one step a feature may get from the reference in many small ones. The
divergence of numbers grows with the square of how far they move. Ages and counters move by their
nature: the installs of apps whose store opened as the reference was taken double within six weeks.
A person may then agree to another reference; what doubles within ten days must not pass for it."""
DEVIATIONS = 4.5
"""Standard deviations that chance may move a category's share by: once in 150,000."""
EXPONENT = 12.0
"""Chance explains a number's divergence, but for once in e^12 (160,000)."""

Measurement = anomalies_pb2.DriftSkewInfo.Measurement


@dataclass(frozen=True)
class Distance:
    """How far a feature is from another day's."""

    size: float
    chance: float
    """What of it chance explains."""
    text: str
    """What has moved, in plain words."""

    @property
    def beyond_chance(self) -> float:
        """What of it chance does not explain; negative where it explains more."""
        return self.size - self.chance


@dataclass(frozen=True)
class Drift:
    """How far a feature has moved, and how far it may."""

    column: Column
    threshold: float
    is_number: bool
    from_last: Distance | None
    """From the last day that passed."""
    from_reference: Distance | None

    @property
    def nearest(self) -> Distance | None:
        """The distance to the day that it is nearer to."""
        known = [one for one in (self.from_last, self.from_reference) if one is not None]
        return min(known, key=lambda one: one.beyond_chance, default=None)

    @property
    def finding(self) -> Finding | None:
        """That it has moved too far, if it has."""
        of_reference = self.from_reference
        if self.nearest and self.nearest.beyond_chance > self.threshold:
            return self._finding(self.from_last or self.nearest, "", self.threshold)
        slow = self.threshold * (SLOW**2 if self.is_number else SLOW)
        if of_reference and of_reference.beyond_chance > slow:
            return self._finding(of_reference, "slowly ", slow)
        return None

    def _finding(self, distance: Distance, how: str, threshold: float) -> Finding:
        since = "the last day that passed" if distance is self.from_last else "the reference"
        allowed = threshold + distance.chance
        return self.column.find(
            Info.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH
            if self.is_number
            else Info.COMPARATOR_L_INFTY_HIGH,
            "Slow drift" if how else "Drift",
            f"{distance.text} since {since}: it has {how}moved by {distance.size:.3f} "
            f"({'Jensen-Shannon' if self.is_number else 'L-infinity'}), expected at most "
            f"{allowed:.3f}",
            proposals.refer_to_day(self.column.name, self.column.day.seen),
        )

    @property
    def measurement(self) -> Any:
        """The figure as a `DriftSkewInfo.Measurement`; None where there is none."""
        distance = self.from_last or self.from_reference
        if distance is None:
            return None
        kind = Measurement.JENSEN_SHANNON_DIVERGENCE if self.is_number else Measurement.L_INFTY
        threshold = self.threshold + distance.chance
        return Measurement(type=kind, value=distance.size, threshold=threshold)


def drifts(day: Day) -> Iterator[Drift]:
    """How far every feature has moved that shall not move far."""
    found = (of_column(column) for column in day.columns())
    return (drift for drift in found if drift is not None)


def of_column(column: Column) -> Drift | None:
    """How far a feature has moved; None where it may move as it likes, or has no value."""
    comparator = column.expected.drift_comparator
    is_number = comparator.HasField("jensen_shannon_divergence")
    if not column.num_present or not (is_number or comparator.HasField("infinity_norm")):
        return None
    limit = comparator.jensen_shannon_divergence if is_number else comparator.infinity_norm
    return Drift(
        column,
        limit.threshold,
        is_number,
        _nearest(column, column.day.before, is_number),
        _nearest(column, column.day.references, is_number),
    )


def _nearest(column: Column, datasets: Sequence[Any], is_number: bool) -> Distance | None:
    """The distance to the nearest of other days."""
    of = _of_numbers if is_number else _of_categories
    found = (
        of(other, column.seen, column.rarity_with(dataset))
        for other, dataset in column.among(datasets)
    )
    known = [distance for distance in found if distance is not None]
    return min(known, key=lambda one: one.beyond_chance, default=None)


def _of_categories(
    before: FeatureNameStatistics, now: FeatureNameStatistics, rarity: float
) -> Distance | None:
    """The change of one value's share that is furthest beyond chance."""

    def chance(change: distances.Change) -> float:
        share = (change.first + change.second) / 2
        return DEVIATIONS * math.sqrt(share * (1 - share) * rarity)

    changes = distances.changes(before, now)
    if not changes:
        return None
    worst = max(changes, key=lambda change: change.size - chance(change))
    text = f"{worst.value!r} is {worst.second:.1%} of values, was {worst.first:.1%}"
    return Distance(worst.size, chance(worst), text)


def _of_numbers(
    before: FeatureNameStatistics, now: FeatureNameStatistics, rarity: float
) -> Distance:
    """By Laurent and Massart (Annals of Statistics 2000, lemma 1), chi-squared of d degrees of
    freedom is beyond d + 2 sqrt(d t) + 2 t with a chance of e^-t; the divergence of two samples of
    one distribution, in bits, is about chi-squared / (8 ln 2) times the sum of both 1/n."""
    degrees = distances.NUM_CELLS - 1
    chi_squared = degrees + 2 * math.sqrt(degrees * EXPONENT) + 2 * EXPONENT
    chance = chi_squared * rarity / (8 * math.log(2))
    one, other = before.num_stats, now.num_stats
    text = (
        f"the median is {other.median:,.4g}, was {one.median:,.4g}; the mean {other.mean:,.4g}, "
        f"was {one.mean:,.4g}"
    )
    return Distance(distances.least_jensen_shannon(before, now), chance, text)
