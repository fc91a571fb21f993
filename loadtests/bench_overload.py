"""Three times the load that a server can bear: how long those wait whom it takes in, how soon the
others are told, and how soon all is well afterwards.

Capacity is measured first, by as many connections as two batches have places. Then, at constant
arrivals and without a pause: 80 % of it, three times it, 80 % again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from loadtests import latency, report, scraped
from loadtests.arrivals import Answers, Phase, arrivals
from loadtests.latency import Milliseconds, latencies_ms
from loadtests.measured_server import served
from loadtests.subject import Subject, body
from recsys.errors import GateStopped

COMMAND = "recsys bench overload"
PHASES = ("at 80 %", "at 300 %", "at 80 % again")
SHARES = (0.8, 3.0, 0.8)
BAR_RATIO = 2.0
"""The accepted requests' p99 in the overload, over that at 80 %."""
BAR_RECOVERY_SECONDS = 2.0

_WARM_UP_SECONDS = 3.0
_WINDOW_SECONDS = 0.25
_COUNTERS = ("recsys_shed_requests_total", "recsys_degraded_pages_total")
_SHED = 503


def bench(subject: Subject, seconds: float) -> dict[str, Any]:
    """Measures a server.

    Args:
        subject: what it serves.
        seconds: how long each of the loads lasts.

    Raises:
        GateStopped: the server answered none of the requests.
    """
    bodies = [body(user_id) for user_id in subject.user_ids()]
    with tempfile.TemporaryDirectory(prefix="recsys-overload-") as scratch:
        workspace = subject.beside(Path(scratch) / "workspace")
        connections = 2 * workspace.config.serving.max_batch  # one batch waits for the other
        with served(workspace) as url:
            closed = [
                Phase(_WARM_UP_SECONDS, None, connections),
                Phase(seconds, None, connections),
            ]
            capacity = _capacity(arrivals(url, bodies, closed), seconds)
            loads = [Phase(seconds, share * capacity) for share in SHARES]
            answers = arrivals(url, bodies, loads)
            counted = scraped.scraped(url)
            shed, degraded = (scraped.by_label(counted, name) for name in _COUNTERS)
    return {
        "seconds": seconds,
        "num_connections": connections,
        "capacity_per_s": capacity,
        "shed_by_reason": shed,
        "degraded_by_rung": degraded,
        **figures(answers, capacity, seconds),
    }


def figures(answers: Answers, capacity: float, seconds: float) -> dict[str, Any]:
    """What became of the requests of each load.

    Args:
        answers: of the three phases.
        capacity: requests a second.
        seconds: how long each phase lasted.
    """
    loads = [
        _of_phase(answers[answers["phase"] == number], share * capacity, seconds)
        for number, share in enumerate(SHARES)
    ]
    steady = loads[0]["p99_ms"]
    return {
        "loads": dict(zip(PHASES, loads, strict=True)),
        "p99_ratio": loads[1]["p99_ms"] / steady,
        "recovery_s": _recovery_s(answers[answers["phase"] == 2], 2 * seconds, BAR_RATIO * steady),
        "sent_late_p99_ms": float(np.percentile(1e3 * (answers["sent"] - answers["due"]), 99)),
    }


def table(measured: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["load", "offered/s", "answered/s", "shed", "failed", "p50, ms", "p99, ms"]
    header += ["p99.9, ms", "p99 of the 503s, ms"]
    rows = [
        [
            name,
            f"{one['offered_per_s']:,.0f}",
            f"{one['answered_per_s']:,.0f}",
            f"{one['shed_share']:.1%}",
            str(one["num_failed"]),
            f"{one['p50_ms']:.1f}",
            f"{one['p99_ms']:.1f}",
            f"{one['p999_ms']:.1f}",
            "" if one["p99_ms_of_shed"] is None else f"{one['p99_ms_of_shed']:.1f}",
        ]
        for name, one in measured["loads"].items()
    ]
    recovery = measured["recovery_s"]
    num_degraded = round(sum(measured["degraded_by_rung"].values()))
    recovered = "none was seen" if recovery is None else f"{recovery:.2f} s"
    return (
        f"{report.markdown(header, rows)}\n\n"
        f"Capacity is {measured['capacity_per_s']:,.0f} requests a second, of "
        f"{measured['num_connections']} connections that ask when they are answered. Then "
        f"constant arrivals over loopback, {measured['seconds']:g} s each, one after the other; "
        "latency counts from when a request was due; server and generator have a core each. "
        f"Accepted requests' p99 in the overload is {measured['p99_ratio']:.2f} times that at 80 % "
        f"(the bar is {BAR_RATIO:g}). Recovery, until the first quarter of a second in which none "
        f"was shed and p99 was below that bar: {recovered} (the bar is {BAR_RECOVERY_SECONDS:g} "
        f"s). {num_degraded} of all pages were not ranked."
    )


def _capacity(answers: Answers, seconds: float) -> float:
    measured = answers[answers["phase"] == 1]
    return len(_accepted_ms(measured)) / seconds


def _accepted_ms(answers: Answers) -> Milliseconds:
    """Latencies of the requests that were answered with a page."""
    accepted = answers[answers["status"] == latency.OK]
    if not len(accepted):
        raise GateStopped(f"none of {len(answers)} requests was answered with a page.")
    return latencies_ms(accepted)


def _of_phase(answers: Answers, offered: float, seconds: float) -> dict[str, Any]:
    accepted, shed = _accepted_ms(answers), latencies_ms(answers[answers["status"] == _SHED])
    return {
        "offered_per_s": offered,
        "num_requests": len(answers),
        "answered_per_s": len(accepted) / seconds,
        "shed_share": len(shed) / len(answers),
        "num_failed": len(answers) - len(accepted) - len(shed),
        **latency.quantiles(accepted),
        "p99_ms_of_shed": float(np.quantile(shed, 0.99)) if len(shed) else None,
    }


def _recovery_s(answers: Answers, began: float, bar_ms: float) -> float | None:
    """Seconds after the overload's end until the end of the first window that is as it should be;
    None where there is none."""
    windows = ((answers["due"] - began) / _WINDOW_SECONDS).astype(int)
    for window in np.unique(windows):
        inside = answers[windows == window]
        is_answered = (inside["status"] == latency.OK).all()
        if is_answered and np.quantile(latencies_ms(inside), 0.99) <= bar_ms:
            return float((window + 1) * _WINDOW_SECONDS)
    return None
