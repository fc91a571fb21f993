"""Events under fire: how many a server acknowledges in a second, how long an acknowledgement takes,
and what is left of them when the server is killed again and again.

Nothing is recommended, so the server has no bundle. In the end everything is published, and sent
once more: no acknowledged event may be missing in the daily tables or be there twice, and none may
be new to the server.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

from loadtests import killed_server, report
from loadtests.killed_server import Acknowledged, Batch, Start
from loadtests.redis_server import redis_server
from loadtests.steps import asked
from recsys import config
from recsys.tables import Table
from recsys.workspace import Workspace

COMMAND = "recsys bench events"
STORES = ("lmdb", "redis")
PAGE = 10
"""Events of a batch of the run with kills: a page that was seen, and what came of it."""

_NUM_CLIENTS = 32
_NUM_USERS = 1_000
_NUM_SINGLE = 4_000
"""Batches of one event each, for what a durable acknowledgement costs."""
_EVENTS_A_REQUEST = 1_000
_TIMEOUT_SECONDS = 60.0
_TABLES: tuple[Table, ...] = ("impressions", "outcomes")


def bench(num_events: int, num_kills: int) -> dict[str, Any]:
    """Measures both stores.

    Args:
        num_events: of the run with kills.
        num_kills: how often the server is killed in it.

    Raises:
        BadInput: there is no `redis-server` here.
        GateStopped: the server did not come up again, or refused events.
    """
    stores = {}
    for name in track(STORES, "stores", console=Console(stderr=True)):
        with _running(name) as workspace:
            single = {f"{n} clients": _single(workspace, n) for n in (1, _NUM_CLIENTS)}
        with _running(name) as workspace:
            killed = _killed(workspace, num_events, num_kills)
        stores[name] = {**killed, "one_event_a_request": single}
    return {"num_events": num_events, "num_kills": num_kills, "stores": stores}


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    killed = report.markdown(
        [
            *("store", "events/s", "p50, ms", "p99, ms", "batches resent"),
            *("lost in the store", "lost in the tables", "doubled in the tables"),
        ],
        [
            [
                name,
                f"{one['events_per_s']:,.0f}",
                f"{one['p50_ms']:.1f}",
                f"{one['p99_ms']:.1f}",
                f"{one['num_resent']:,}",
                str(one["num_lost_in_store"]),
                str(one["num_lost"]),
                str(one["num_doubled"]),
            ]
            for name, one in figures["stores"].items()
        ],
    )
    single = report.markdown(
        ["store", "clients", "acknowledged/s", "p50, ms", "p99, ms", "requests a sync"],
        [
            [
                name,
                clients.removesuffix(" clients"),
                f"{one['events_per_s']:,.0f}",
                f"{one['p50_ms']:.2f}",
                f"{one['p99_ms']:.2f}",
                f"{one['requests_per_commit']:.1f}",
            ]
            for name, of_store in figures["stores"].items()
            for clients, one in of_store["one_event_a_request"].items()
        ],
    )
    return (
        f"{killed}\n\n{figures['num_events']:,} events in batches of {PAGE} by {_NUM_CLIENTS} "
        f"clients, the server killed (SIGKILL) {figures['num_kills']} times with requests in "
        "flight and started again; rates are over the time in which it answered. Lost: those "
        "that the server takes for new when all are sent once more, and those that the daily "
        "tables lack.\n\n"
        f"{single}\n\n{_NUM_SINGLE:,} requests of one event each to a server that lives: every "
        "acknowledgement waits for the disk, and requests that wait together share a sync. The "
        "clients run on the same cores."
    )


def events(num_events: int, time: dt.datetime) -> Iterator[dict[str, Any]]:
    """Pages of impressions, each with a click, and now and then an install and an uninstall."""
    for number in range(num_events):
        page, place = divmod(number, PAGE)
        kind = "impression"
        if place == PAGE - 2:
            kind = "click"
        elif place == PAGE - 1:
            kind = ("install", "install", "uninstall", "click")[page % 4]
        yield {
            "event_id": f"event {number}",
            "user_id": f"user {page % _NUM_USERS}",
            "app_id": f"app {place} of {page % 50}",
            "kind": kind,
            "time": time.isoformat(),
            "request_id": f"request {page}",
            "position": place + 1,
        }


def missing_and_doubled(expected: Iterable[str], found: Iterable[str]) -> tuple[int, int]:
    """How many names are missing, and how often names are there once too often."""
    counts = Counter(found)
    return sum(not counts[name] for name in expected), sum(n - 1 for n in counts.values())


def _killed(workspace: Workspace, num_events: int, num_kills: int) -> dict[str, Any]:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    day, sent, port = yesterday.date(), list(events(num_events, yesterday)), _free_port()
    not_known: list[int] = []

    def published() -> None:
        asked("events", "publish", "--day", day.isoformat(), workspace=workspace.root)
        not_known.append(_accepted(f"http://127.0.0.1:{port}", sent))

    seen = killed_server.send(
        *(_starter(workspace, port), port, _batches(sent, PAGE), num_kills, _NUM_CLIENTS),
        at_end=published,
    )
    shown = [_page_name(one) for one in sent if one["kind"] == "impression"]
    done = [one["event_id"] for one in sent if one["kind"] != "impression"]
    in_tables = [
        missing_and_doubled(expected, _names(workspace, table, day))
        for expected, table in zip((shown, done), _TABLES, strict=True)
    ]
    return {
        **_latencies(seen),
        "num_resent": seen.num_resent,
        "num_lost_in_store": not_known[0],
        "num_lost": sum(lost for lost, _ in in_tables),
        "num_doubled": sum(doubled for _, doubled in in_tables),
    }


def _accepted(url: str, sent: Sequence[dict[str, Any]]) -> int:
    """How many of the events are new to a server that should know them all."""
    with httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS) as client:
        answers = [
            client.post("/v1/events", json={"events": some}).raise_for_status().json()
            for some in _batches(sent, _EVENTS_A_REQUEST)
        ]
    return sum(answer["accepted"] for answer in answers)


def _single(workspace: Workspace, num_clients: int) -> dict[str, Any]:
    """One event a request, from so many clients at once."""
    now = dt.datetime.now(dt.UTC)
    sent = list(events(_NUM_SINGLE, now))
    for one in sent:  # new ones, whoever asked before
        one["event_id"] = f"{num_clients} {one['event_id']}"
        one["request_id"] = f"{num_clients} {one['request_id']}"
    port, commits = _free_port(), [0.0]

    def counted() -> None:
        commits[0] = _metric(f"http://127.0.0.1:{port}", "recsys_event_commits_total")

    seen = killed_server.send(
        _starter(workspace, port), port, _batches(sent, 1), 0, num_clients, at_end=counted
    )
    return {**_latencies(seen), "requests_per_commit": len(seen.latencies_ms) / commits[0]}


def _latencies(seen: Acknowledged) -> dict[str, float]:
    p50, p99 = np.percentile(seen.latencies_ms, [50, 99]).tolist()
    return {"events_per_s": seen.num_events / seen.seconds_up, "p50_ms": p50, "p99_ms": p99}


def _batches(sent: Sequence[dict[str, Any]], size: int) -> list[Batch]:
    return [sent[begin : begin + size] for begin in range(0, len(sent), size)]


def _names(workspace: Workspace, table: Table, day: dt.date) -> list[str]:
    rows = [row for file in workspace.files(table, day) for row in pq.read_table(file).to_pylist()]
    return [_page_name(row) if table == "impressions" else row["event_id"] for row in rows]


def _page_name(row: Mapping[str, Any]) -> str:
    return f"{row['request_id']} {row['app_id']} {row['position']}"


@contextlib.contextmanager
def _running(store: str) -> Iterator[Workspace]:
    """An empty workspace whose server keeps its users there."""
    with contextlib.ExitStack() as running:
        scratch = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="recsys-events-")))
        url = running.enter_context(redis_server(scratch / "redis")) if store == "redis" else ""
        values = config.parse({"extends": "tiny", "serving": {"user_store": url}}, "bench")
        (scratch / config.FILE_NAME).write_text(config.render(values))
        yield Workspace(scratch)


def _starter(workspace: Workspace, port: int) -> Start:
    arguments = ["serve", "--port", str(port), "--workspace", str(workspace.root)]
    command = [sys.executable, "-m", "recsys", *arguments]
    output = workspace.root / "server.log"

    def start() -> subprocess.Popen[bytes]:
        with output.open("ab") as said:
            return subprocess.Popen(command, stdout=said, stderr=said)

    return start


def _metric(url: str, name: str) -> float:
    text = httpx.get(f"{url}/metrics").raise_for_status().text
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
