"""What a server says of itself at `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

Metrics = Mapping[str, float]
"""Values by series, as Prometheus writes them: `name` or `name{label="value"}`."""

CPU_SECONDS = "process_cpu_seconds_total"
"""Seconds of processor that a server has used, all of its threads together."""


def scraped(url: str) -> Metrics:
    """All series now."""
    text = httpx.get(f"{url}/metrics", timeout=30).raise_for_status().text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


def by_label(metrics: Metrics, name: str) -> dict[str, float]:
    """The values of a metric with one label, by its label's value."""
    return {
        series.split('"')[1]: value
        for series, value in metrics.items()
        if series.startswith(f"{name}{{")
    }


def growth(before: Metrics, after: Metrics, name: str) -> float:
    """What a series grew by."""
    return after.get(name, 0.0) - before.get(name, 0.0)
