"""One server on a core of its own: what it bears, and how long it takes below that."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loadtests import cores, latency, scraped, wrk
from loadtests.arrivals import Answers, Phase, arrivals
from loadtests.load import run_load
from loadtests.scraped import Metrics
from loadtests.steps import server
from recsys.errors import GateStopped
from recsys.stages import STAGES
from recsys.workspace import Workspace

SHARE = 0.7
"""Of the rate at saturation, the rate at which latency is measured."""
OURS = ("recsys", "serve")

_WARM_UP_SECONDS = 3.0
_VISITORS = 64
_LOCUST_SECONDS = 5  # it takes seconds to begin
_MICROS = 1e6


@contextlib.contextmanager
def served(workspace: Workspace, program: Sequence[str] = OURS, *options: str) -> Iterator[str]:
    """A server on its core; what the block starts is on the other.

    Raises:
        GateStopped: it was not ready in time.
    """
    with contextlib.ExitStack() as running:
        with cores.started_on(cores.SERVER):
            url = running.enter_context(server(workspace.root, program, *options))
        with cores.started_on(cores.GENERATOR):
            yield url


def measured(
    url: str, bodies: Sequence[bytes], seconds: float, connections: int, rate: float | None = None
) -> dict[str, Any]:
    """A server at saturation, for a third of the time, and below it.

    Args:
        url: its address.
        bodies: requests to `/v1/recommend`; the two halves of them are used in turn.
        seconds: of the constant rate.
        connections: those that saturate it.
        rate: requests a second below saturation; None: `SHARE` of saturation.

    Raises:
        GateStopped: it answered nothing.
    """
    half = len(bodies) // 2
    arrivals(url, bodies[half:], [Phase(_WARM_UP_SECONDS, None, connections)])
    before = scraped.scraped(url)
    answers = arrivals(url, bodies[:half], [Phase(seconds / 3, None, connections)])
    after = scraped.scraped(url)
    saturated = _figures(answers, seconds / 3)
    rate = rate or SHARE * saturated["answered_per_s"]
    below = arrivals(url, bodies[half:], [Phase(seconds, rate)])
    return {
        "num_connections": connections,
        "requests_per_s": saturated["answered_per_s"],
        **_costs(before, after, saturated, seconds / 3),
        "saturated": saturated,
        "rate_per_s": rate,
        "at_rate": {
            **_figures(below, seconds),
            "sent_late_p99_ms": float(np.quantile(1e3 * (below["sent"] - below["due"]), 0.99)),
            "histogram": latency.histogram(latency.latencies_ms(below[below["status"] != 0])),
        },
    }


def second_opinions(
    url: str,
    bodies: Sequence[bytes],
    users_file: Path,
    seconds: float,
    rate: float,
    connections: int,
) -> dict[str, Any]:
    """What other generators see of the same server: locust at the same rate, and wrk, where it is
    installed, at saturation."""
    visitors = run_load(url, max(_LOCUST_SECONDS, round(seconds)), _VISITORS, users_file, rate=rate)
    found: dict[str, Any] = {"locust": dataclasses.asdict(visitors), "wrk": None}
    if wrk.is_installed():
        found["wrk"] = wrk.run(url, bodies, seconds, connections)
    return found


def _figures(answers: Answers, seconds: float) -> dict[str, Any]:
    good = answers[answers["status"] == latency.OK]
    if not len(good):
        raise GateStopped(f"none of {len(answers)} requests was answered with a page.")
    return {
        "num_requests": len(answers),
        "num_not_answered": len(answers) - len(good),
        "answered_per_s": len(good) / seconds,
        **latency.quantiles(latency.latencies_ms(good)),
    }


def _costs(
    before: Metrics, after: Metrics, saturated: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """The server's processor time, and where it says that it went: microseconds a page."""
    num_pages = saturated["answered_per_s"] * seconds

    def grown(series: str) -> float:
        return scraped.growth(before, after, series)

    cpu_seconds = grown(scraped.CPU_SECONDS)
    sums = {stage: f'recsys_stage_seconds_sum{{stage="{stage}"}}' for stage in STAGES}
    stages: Mapping[str, float] = {
        stage: grown(series) * _MICROS / num_pages
        for stage, series in sums.items()
        if series in after
    }
    num_batches = grown("recsys_batch_size_count")
    return {
        "cpu_us": cpu_seconds * _MICROS / num_pages,
        "core_share": cpu_seconds / seconds,
        "stages_us": stages,
        "batch_size": grown("recsys_batch_size_sum") / num_batches if num_batches else None,
    }
