"""Swaps under load: what requests see of a bundle's loading, and what becomes of memory.

Untrained bundles of the full shape take turns on a server that has one core, while requests come
from another at a constant rate. All bundles know the same apps, each with categories of its own, so
that a page shows by which of them each of its places was made. The same is done to a server that
loads in the thread that answers requests.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from loadtests import bundles, cores, report, untrained_store
from loadtests.memory import Memory, watched
from loadtests.steps import server
from loadtests.stream import Answer, steady
from loadtests.swapped import (
    AFTER_SECONDS,
    Swap,
    bodies_of,
    capacity,
    is_around,
    placed,
    swapped,
    versions_in_turn,
)
from recsys.bundle import CATALOGUE
from recsys.catalogue import Catalogue
from recsys.registry import servers
from recsys.workspace import Workspace

COMMAND = "recsys bench swap"
BAR_RATIO = 1.5
"""Of p99.9 around swaps over that of other times."""
NUM_SWAPS = 10

_NUM_UNISOLATED = 3
_NUM_USERS = 20_000
_SHARE_OF_CAPACITY = 0.55
_STEADY_SECONDS = 3.0
_UNISOLATED = ("loadtests.unisolated",)


def bench(num_apps: int, seconds: float, cache: Path = bundles.CACHE) -> dict[str, Any]:
    """Measures swaps with and without isolation.

    Args:
        num_apps: size of both catalogues.
        seconds: after so long no further swap begins.
        cache: where bundles and users are kept.

    Raises:
        GateStopped: a server did not follow.
    """
    store = untrained_store.kept(num_apps, _NUM_USERS, cache)
    folders = [bundles.kept_untrained(num_apps, seed, cache) for seed in (0, 1)]
    with tempfile.TemporaryDirectory(prefix="recsys-swap-") as scratch:
        place = partial(placed, store, folders)
        isolated = _measured(place(Path(scratch) / "isolated"), NUM_SWAPS, seconds)
        plain = _measured(
            place(Path(scratch) / "unisolated"), _NUM_UNISOLATED, seconds, _UNISOLATED
        )
    return {
        "num_apps": num_apps,
        "swaps": isolated["swaps"],
        "failed": isolated["failed"],
        "mixed_version": isolated["mixed_version"],
        "p999_ratio": isolated["p999_ratio"],
        # Its own quiet times are none: what a swap held up is answered for seconds after it.
        "p999_ratio_unisolated": plain["around"]["p999_ms"] / isolated["steady"]["p999_ms"],
        "isolated": isolated,
        "unisolated": plain,
    }


def figures(
    swaps: Sequence[Swap], answers: Sequence[Answer], memory: Sequence[Memory]
) -> dict[str, Any]:
    """What requests saw of swaps.

    Args:
        swaps: all of them.
        answers: all of the stream's.
        memory: what the server had, from time to time.
    """
    problems = Counter(one.problem for one in answers if one.problem)
    around = [one for one in answers if is_around(one.due, swaps)]
    otherwise = [one for one in answers if not is_around(one.due, swaps)]
    at_swaps, steady_state = (_latencies(some) for some in (around, otherwise))
    return {
        "swaps": len(swaps),
        "requests": len(answers),
        "failed": problems.total(),
        "problems": dict(problems),
        "mixed_version": sum(one.page is not None and one.page["is_mixed"] for one in answers),
        "seconds_to_swap": [swap.answered - swap.began for swap in swaps],
        "around": at_swaps,
        "steady": steady_state,
        "p999_ratio": at_swaps["p999_ms"] / steady_state["p999_ms"],
        "memory_mib": _memory(swaps, memory),
    }


def table(measured: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["loading", "swaps", "seconds a swap", "failed", "of two bundles"]
    header += ["p50, ms", "p99", "p99.9", "p99.9 around swaps", "ratio"]
    rows = []
    names = {"isolated": "in another process", "unisolated": "in the thread that answers"}
    ratios = {"isolated": "p999_ratio", "unisolated": "p999_ratio_unisolated"}
    quiet = measured["isolated"]["steady"]
    for name, said in names.items():
        one = measured[name]
        rows.append(
            [
                said,
                str(one["swaps"]),
                f"{np.median(one['seconds_to_swap']):.1f}",
                str(one["failed"]),
                str(one["mixed_version"]),
                *(f"{quiet[quantile]:.2f}" for quantile in ("p50_ms", "p99_ms", "p999_ms")),
                f"{one['around']['p999_ms']:.1f}",
                f"{measured[ratios[name]]:.2f}",
            ]
        )
    memory = measured["isolated"]["memory_mib"]
    held = ", ".join(
        f"{when} {one['resident']:,.0f} MiB ({one['own']:,.0f} of them its own)"
        for when, one in memory.items()
    )
    return (
        f"{report.markdown(header, rows)}\n\n{measured['num_apps']:,} apps, untrained weights. "
        f"{measured['isolated']['rate']:.0f} requests a second at a constant rate, "
        f"{_SHARE_OF_CAPACITY:.0%} of what the server's one core can; they come from another. "
        "Latency counts from when a request was due. Around a swap is from the change of the file "
        f"that names the live bundle until {AFTER_SECONDS:g} s after the new one's first answer; "
        "other times are those of the server that loads in another process. "
        f"Resident memory of the server: {held}; the rest is mapped files, which processes share. "
        f"The bar is a ratio of {BAR_RATIO:g}, and no request that fails or gets a page of two "
        "bundles."
    )


def _measured(
    workspace: Workspace,
    num_swaps: int,
    seconds: float,
    program: Sequence[str] = ("recsys", "serve"),
) -> dict[str, Any]:
    catalogues = {
        path.name: Catalogue.load(path / CATALOGUE) for path in workspace.bundles.glob("*-*")
    }
    with contextlib.ExitStack() as stack:
        with cores.started_on(cores.SERVER):
            url = stack.enter_context(server(workspace.root, program))
        stack.enter_context(cores.started_on(cores.GENERATOR))
        [running] = servers.running(workspace)
        bodies = bodies_of(url, _NUM_USERS)
        rate = _SHARE_OF_CAPACITY * capacity(url, bodies)
        read = partial(_read, catalogues)
        memory = stack.enter_context(watched(running.pid))
        with steady(url, bodies, rate, read) as answers:
            swaps = list(_swaps(workspace, answers, num_swaps, seconds))
    return {"rate": rate, **figures(swaps, answers, memory)}


def _read(catalogues: Mapping[str, Catalogue], content: bytes) -> dict[str, Any]:
    """Which bundle answered, and whether any place of the page is another's."""
    page = json.loads(content)
    version, items = page["bundle"], page["items"]
    mine = catalogues[version].columns([item["app_id"] for item in items], ["category"])
    is_whole = bool(items) and [app["category"] for app in mine] == [i["category"] for i in items]
    return {"bundle": version, "is_mixed": not is_whole}


def _swaps(
    workspace: Workspace, answers: Sequence[Answer], num_swaps: int, seconds: float
) -> Iterator[Swap]:
    end = time.perf_counter() + seconds
    versions = versions_in_turn(workspace)
    for number in track(range(num_swaps), "swaps", console=Console(stderr=True)):
        time.sleep(_STEADY_SECONDS)
        if number and time.perf_counter() > end:
            break
        yield swapped(workspace, answers, next(versions))
        time.sleep(AFTER_SECONDS)
    time.sleep(_STEADY_SECONDS)


def _latencies(answers: Sequence[Answer]) -> dict[str, float]:
    latencies = [answer.latency_ms for answer in answers]
    quantiles = {"p50_ms": 50, "p99_ms": 99, "p999_ms": 99.9}
    return {
        "requests": len(latencies),
        **{name: float(np.percentile(latencies, share)) for name, share in quantiles.items()},
    }


def _memory(swaps: Sequence[Swap], memory: Sequence[Memory]) -> dict[str, dict[str, float]]:
    """The most that there was before the first swap, during any, and after the last one."""
    phases = {
        "before": [m for m in memory if m.time < swaps[0].began],
        "during": [m for m in memory if is_around(m.time, swaps)],
        "after": [m for m in memory if m.time > swaps[-1].answered + AFTER_SECONDS],
    }
    return {
        when: {
            "resident": max((m.resident_mib for m in some), default=float("nan")),
            "own": max((m.own_mib for m in some), default=float("nan")),
        }
        for when, some in phases.items()
    }
