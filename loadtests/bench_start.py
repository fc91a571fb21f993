"""How soon a server can answer after its start, and what memory one worker and a second one take.

Processes that map the same files share their pages, so memory is proportional: a page that two
have counts half for each. It is looked at when each worker has answered requests for a while.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadtests import memory, report
from loadtests.arrivals import Phase, arrivals
from loadtests.steps import server
from loadtests.subject import Subject, body
from recsys.errors import GateStopped
from recsys.registry import servers

COMMAND = "recsys bench start"
BAR_READY_SECONDS, BAR_RESIDENT_MIB, BAR_SECOND_MIB = 15.0, 2_560.0, 512.0

_WORKERS = (1, 2)
_STARTS = 3
_CONNECTIONS = 16
_SECONDS_OF_REQUESTS = 5.0


def bench(subject: Subject) -> dict[str, Any]:
    """Measures starts of one worker and of two.

    Raises:
        GateStopped: a server was not ready in time, or not all of its workers were there.
    """
    bodies = [body(user_id) for user_id in subject.user_ids()]
    with tempfile.TemporaryDirectory(prefix="recsys-start-") as scratch:
        by_workers = {
            number: [
                _started(subject, Path(scratch) / f"{number}-{attempt}", number, bodies)
                for attempt in range(_STARTS)
            ]
            for number in _WORKERS
        }
    one, two = (_medians(by_workers[number]) for number in _WORKERS)
    return {
        "starts": _STARTS,
        "workers": {"1": one, "2": two},
        "second_worker_mib": two["proportional_mib"] - one["proportional_mib"],
    }


def table(measured: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["workers", "ready after, s", "resident of the largest, MiB", "own of all, MiB"]
    header += ["proportional of all, MiB"]
    rows = [
        [
            workers,
            f"{one['ready_s']:.1f}",
            f"{one['resident_mib']:,.0f}",
            f"{one['own_mib']:,.0f}",
            f"{one['proportional_mib']:,.0f}",
        ]
        for workers, one in measured["workers"].items()
    ]
    return (
        f"{report.markdown(header, rows)}\n\n"
        f"Medians of {measured['starts']} starts. A second worker takes "
        f"{measured['second_worker_mib']:,.0f} MiB more. The bars are {BAR_READY_SECONDS:g} s, "
        f"{BAR_RESIDENT_MIB:,.0f} MiB resident, and {BAR_SECOND_MIB:,.0f} MiB for a second worker."
    )


def _started(subject: Subject, root: Path, workers: int, bodies: Sequence[bytes]) -> dict[str, Any]:
    workspace = subject.beside(root)
    began = time.perf_counter()
    with server(workspace.root, ("recsys", "serve"), "--workers", str(workers)) as url:
        ready_s = time.perf_counter() - began
        arrivals(url, bodies, [Phase(_SECONDS_OF_REQUESTS, None, _CONNECTIONS)])
        processes = [one.pid for one in servers.running(workspace)]
        if len(processes) != workers:
            raise GateStopped(f"{len(processes)} workers run, expected {workers}.")
        each = [memory.memory_of(process) for process in processes]
        return {
            "ready_s": ready_s,
            "resident_mib": max(one.resident_mib for one in each),
            "own_mib": sum(one.own_mib for one in each),
            "proportional_mib": sum(memory.proportional_mib(process) for process in processes),
        }


def _medians(starts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in starts) for name in starts[0]}
