"""A server for a while: does its memory grow, do its answers slow down?

Requests come at a constant rate, users report events, and every few minutes another bundle takes
the place of the one that serves. Each 10 seconds have their p99 and the memory that the server had,
in the median: it has some more while it writes a file. From the first swap on it keeps the bundle
before, so what follows that is compared.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.progress import track

from loadtests import bundles, cores, untrained_store
from loadtests.memory import Memory, watched
from loadtests.report import markdown
from loadtests.steps import server
from loadtests.stream import Answer, steady
from loadtests.swapped import (
    AFTER_SECONDS,
    Swap,
    bodies_of,
    capacity,
    placed,
    swapped,
    versions_in_turn,
)
from loadtests.untrained_apps import app_ids
from recsys.registry import servers
from recsys.reports.charts import Plane, Point, Shape
from recsys.reports.drawing import Panel, drawing
from recsys.workspace import Workspace

COMMAND = "recsys bench soak"

_NUM_USERS = 20_000
_SHARE_OF_CAPACITY = 0.5
_STEP_SECONDS = 10.0
_SWAP_SECONDS = 180.0
_EVENTS_EACH, _EVENT_SECONDS = 10, 0.5
_SHARE_COMPARED = 0.1
"""Of the time, at the beginning of what is compared and at its end."""


def bench(num_apps: int, minutes: float, cache: Path = bundles.CACHE) -> dict[str, Any]:
    """Measures a server of untrained bundles.

    Args:
        num_apps: size of both catalogues.
        minutes: how long.
        cache: where bundles and users are kept.

    Raises:
        GateStopped: the server did not follow a swap.
    """
    store = untrained_store.kept(num_apps, _NUM_USERS, cache)
    folders = [bundles.kept_untrained(num_apps, seed, cache) for seed in (0, 1)]
    with tempfile.TemporaryDirectory(prefix="recsys-soak-") as scratch:
        workspace = placed(store, folders, Path(scratch) / "store")
        return {"num_apps": num_apps, "minutes": minutes, **_measured(workspace, minutes, num_apps)}


def figures(
    began: float, swaps: Sequence[Swap], answers: Sequence[Answer], memory: Sequence[Memory]
) -> dict[str, Any]:
    """What was seen, step by step.

    Args:
        began: when the first step did, by `time.perf_counter`.
        swaps: all of them.
        answers: all of the stream's.
        memory: what the server had, from time to time.
    """
    steps = [
        {
            "minute": (number + 1) * _STEP_SECONDS / 60,
            "p99_ms": float(np.percentile(latencies, 99)),
            "resident_mib": float(np.median([look.resident_mib for look in of_step])),
            "own_mib": float(np.median([look.own_mib for look in of_step])),
        }
        for number, latencies, of_step in _steps(began, answers, memory)
    ]
    swapped_at = min((swap.answered + AFTER_SECONDS - began for swap in swaps), default=0) / 60
    warm = [step for step in steps if step["minute"] > swapped_at]
    few = max(1, int(_SHARE_COMPARED * len(steps)))
    return {
        "swaps": len(swaps),
        "requests": len(answers),
        "failed": sum(bool(one.problem) for one in answers),
        "own_mib_first": _median(warm[:few], "own_mib"),
        "own_mib_last": _median(warm[-few:], "own_mib"),
        "own_mib_most": max(look.own_mib for look in memory),
        "own_mib_per_hour": _slope(warm, "own_mib"),
        "resident_mib_first": _median(warm[:few], "resident_mib"),
        "resident_mib_last": _median(warm[-few:], "resident_mib"),
        "resident_mib_most": max(look.resident_mib for look in memory),
        "resident_mib_per_hour": _slope(warm, "resident_mib"),
        "p99_ms_first_half": _median(warm[: len(warm) // 2], "p99_ms"),
        "p99_ms_second_half": _median(warm[len(warm) // 2 :], "p99_ms"),
        "steps": steps,
    }


def table(measured: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["", "after the first swap", "at the end", "most", "an hour"]
    rows = [
        [
            words,
            f"{measured[f'{name}_first']:,.0f}",
            f"{measured[f'{name}_last']:,.0f}",
            f"{measured[f'{name}_most']:,.0f}",
            f"{measured[f'{name}_per_hour']:+,.1f}",
        ]
        for name, words in (("own_mib", "its own memory, MiB"), ("resident_mib", "resident, MiB"))
    ]
    return (
        f"{markdown(header, rows)}\n\n![Memory and p99 over the time](soak.svg)\n\n"
        f"{measured['num_apps']:,} apps, untrained weights; {measured['minutes']:g} minutes of "
        f"{measured['rate']:.0f} requests a second, {_SHARE_OF_CAPACITY:.0%} of what the server's "
        f"one core can, of {_EVENTS_EACH / _EVENT_SECONDS:.0f} events a second, and of "
        f"{measured['swaps']} swaps. {measured['failed']} of {measured['requests']:,} requests "
        f"failed. Median p99 of {_STEP_SECONDS:g} s: {measured['p99_ms_first_half']:.1f} ms in the "
        f"first half, {measured['p99_ms_second_half']:.1f} ms in the second. Slopes are by least "
        "squares; all is compared from the first swap on, memory in the median of a tenth of the "
        "time. Resident memory is for the most part mapped files."
    )


def plot(measured: Mapping[str, Any]) -> str:
    """Memory and p99 over the time, as an SVG file."""
    panels = []
    for name, title in (
        ("own_mib", "its own memory, MiB"),
        ("resident_mib", "resident, MiB"),
        ("p99_ms", "p99, ms"),
    ):
        line: list[Point] = [(step["minute"], step[name]) for step in measured["steps"]]
        plane = Plane.over([(0.0, 0.0), *line])
        shapes = [Shape("now-line", plane.line(line))]
        panels.append(Panel(title, plane.chart(shapes), "minutes", {}))
    return drawing(panels)


def _measured(workspace: Workspace, minutes: float, num_apps: int) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        with cores.started_on(cores.SERVER):
            url = stack.enter_context(server(workspace.root))
        stack.enter_context(cores.started_on(cores.GENERATOR))
        [running] = servers.running(workspace)
        bodies = bodies_of(url, _NUM_USERS)
        rate = _SHARE_OF_CAPACITY * capacity(url, bodies)
        memory = stack.enter_context(watched(running.pid))
        stack.enter_context(_events(url, bodies, app_ids(num_apps)))
        with steady(url, bodies, rate, _read) as answers:
            began = time.perf_counter()
            swaps = list(_swaps(workspace, answers, began + 60 * minutes))
    return {"rate": rate, **figures(began, swaps, answers, memory)}


def _read(content: bytes) -> dict[str, Any]:
    return {"bundle": json.loads(content)["bundle"]}


@contextlib.contextmanager
def _events(url: str, bodies: Sequence[bytes], apps: Sequence[str]) -> Iterator[None]:
    """Users install apps while the block runs."""
    random = np.random.default_rng(0)
    users = [json.loads(body)["user_id"] for body in bodies]
    ended = threading.Event()

    def report() -> None:
        with httpx.Client(base_url=url) as client:
            while not ended.wait(_EVENT_SECONDS):
                now = dt.datetime.now(dt.UTC).isoformat()
                events = [
                    {
                        "event_id": uuid.uuid4().hex,
                        "user_id": users[int(random.integers(len(users)))],
                        "app_id": apps[int(random.integers(len(apps)))],
                        "kind": "install",
                        "time": now,
                    }
                    for _ in range(_EVENTS_EACH)
                ]
                with contextlib.suppress(httpx.HTTPError):
                    client.post("/v1/events", json={"events": events})

    reporter = threading.Thread(target=report)
    reporter.start()
    try:
        yield
    finally:
        ended.set()
        reporter.join()


def _swaps(workspace: Workspace, answers: Sequence[Answer], end: float) -> Iterator[Swap]:
    versions = versions_in_turn(workspace)
    seconds = range(int(end - time.perf_counter()))
    due = time.perf_counter() + min(_SWAP_SECONDS, len(seconds) / 3)
    for _ in track(seconds, "soak", console=Console(stderr=True)):
        if time.perf_counter() >= end:
            break
        if time.perf_counter() >= due:
            yield swapped(workspace, answers, next(versions))
            due += _SWAP_SECONDS
        time.sleep(1)


def _steps(
    began: float, answers: Sequence[Answer], memory: Sequence[Memory]
) -> Iterator[tuple[int, list[float], list[Memory]]]:
    """The whole steps in which something was answered and looked at."""
    latencies: dict[int, list[float]] = {}
    looked: dict[int, list[Memory]] = {}
    for answer in answers:
        step = int((answer.due - began) // _STEP_SECONDS)
        latencies.setdefault(step, []).append(answer.latency_ms)
    for look in memory:
        looked.setdefault(int((look.time - began) // _STEP_SECONDS), []).append(look)
    for step in sorted(latencies.keys() & looked.keys()):
        if step >= 0:
            yield step, latencies[step], looked[step]


def _slope(steps: Sequence[Mapping[str, float]], name: str) -> float:
    """What it grows by in an hour, by least squares."""
    if len(steps) < 2:
        return float("nan")
    minutes, values = ([step[key] for step in steps] for key in ("minute", name))
    return 60 * float(np.polyfit(minutes, values, 1)[0])


def _median(steps: Sequence[Mapping[str, float]], name: str) -> float:
    return float(np.median([step[name] for step in steps])) if steps else float("nan")
