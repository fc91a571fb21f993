"""A server that is killed in the middle of events loses none that it acknowledged and doubles
none, in its store and in the daily tables."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fake_store import workspace_at

from loadtests import killed_server
from loadtests.redis_server import redis_server
from recsys import config
from recsys.workspace import Workspace
from serving.publishing import publish
from serving.user_store import open_store

ROOT = Path(__file__).parents[2]
NUM_BATCHES, BATCH = 200, 10


@pytest.fixture(params=["lmdb", "redis"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    with contextlib.ExitStack() as running:
        url = ""
        if request.param == "redis":
            url = running.enter_context(redis_server(tmp_path / "redis"))
        place = workspace_at(tmp_path)
        values = config.parse({"extends": "tiny", "serving": {"user_store": url}}, "test")
        (tmp_path / config.FILE_NAME).write_text(config.render(values))
        yield Workspace(place.root)


def test_every_acknowledged_event_is_there_once(workspace: Workspace) -> None:
    time = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    batches = [
        [event(number, place, time) for place in range(BATCH)] for number in range(NUM_BATCHES)
    ]
    port = free_port()

    def start() -> subprocess.Popen[bytes]:
        program = ROOT / "tests" / "fakes" / "event_server.py"
        environment = {"PYTHONPATH": f"{ROOT}:{program.parent}"}
        command = [sys.executable, str(program), str(workspace.root), str(port)]
        return subprocess.Popen(command, env=environment)

    seen = killed_server.send(start, port, batches, num_kills=3, num_clients=8)
    assert seen.num_events == NUM_BATCHES * BATCH
    assert seen.num_resent > 0
    with contextlib.closing(open_store(workspace)) as store:
        kept = [found for _, found in store.events_after(0)]
        publish(workspace, store, dt.datetime.now(dt.UTC), time.date())
        record = store.get("u3")
    sent = {one["event_id"]: one for batch in batches for one in batch}
    assert Counter(one.event_id for one in kept) == dict.fromkeys(sent, 1)
    outcomes = rows(workspace, "outcomes", time.date())
    shown = rows(workspace, "impressions", time.date())
    assert Counter(row["event_id"] for row in outcomes) == {
        name: 1 for name, one in sent.items() if one["kind"] != "impression"
    }
    assert Counter((row["request_id"], row["app_id"]) for row in shown) == {
        (one["request_id"], one["app_id"]): 1
        for one in sent.values()
        if one["kind"] == "impression"
    }
    assert record is not None
    installs = [one["app_id"] for one in sent.values() if one["kind"] == "install"]
    assert sorted(record.installed_app_ids) == sorted(a for a in installs if a.startswith("app3-"))


def event(number: int, place: int, time: dt.datetime) -> dict[str, Any]:
    """Two thirds impressions, and installs of the users u0 to u4."""
    kind = "install" if place % 3 == 0 else "impression"
    user = number % 5
    return {
        "event_id": f"e{number}-{place}",
        "user_id": f"u{user}",
        "app_id": f"app{user}-{number}-{place}",
        "kind": kind,
        "time": time.isoformat(),
        "request_id": f"r{number}",
        "position": place + 1,
    }


def rows(workspace: Workspace, table: Any, day: dt.date) -> list[dict[str, Any]]:
    files = workspace.files(table, day)
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
