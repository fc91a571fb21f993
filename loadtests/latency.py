"""Latencies of answers: their quantiles, and histograms that keep what quantiles leave out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadtests.arrivals import Answers

Milliseconds = NDArray[np.float64]

OK = 200
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
"""What tables show, by name."""
_BUCKETS_A_DOUBLING = 16
"""Each is 4.4 % wider than the one before."""


def latencies_ms(answers: Answers) -> Milliseconds:
    """From when each request was due to when its answer was read."""
    latencies: Milliseconds = 1e3 * (answers["ended"] - answers["due"])
    return latencies


def quantiles(latencies: Milliseconds) -> dict[str, float]:
    """Those of `QUANTILES`."""
    return {name: float(np.quantile(latencies, q)) for name, q in QUANTILES.items()}


def histogram(latencies: Milliseconds) -> list[tuple[float, int]]:
    """How many took up to each of some milliseconds and longer than the one before; only those
    that any took."""
    steps = np.ceil(np.log2(latencies) * _BUCKETS_A_DOUBLING).astype(int)
    found, counts = np.unique(steps, return_counts=True)
    edges = 2.0 ** (found / _BUCKETS_A_DOUBLING)
    return [(round(float(edge), 4), int(count)) for edge, count in zip(edges, counts, strict=True)]
