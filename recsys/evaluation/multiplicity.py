"""Many questions of the same data: p-values that say how sure each answer is among all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: to reject those of at most alpha keeps the chance of
    any false rejection at alpha, however the tests hang together (Holm, Scandinavian Journal of
    Statistics, 1979). A NaN was no test: it stays one, and counts for nothing."""
    adjusted = list(p_values)
    tests = [place for place, value in enumerate(p_values) if not math.isnan(value)]
    largest = 0.0
    for rank, place in enumerate(sorted(tests, key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(tests) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
