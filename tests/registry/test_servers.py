from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.registry import servers
from recsys.registry.servers import Presence
from recsys.workspace import Workspace

ELSEWHERE = """
import sys
from pathlib import Path
from recsys.registry.servers import Presence
from recsys.workspace import Workspace

presence = Presence(Workspace(Path(sys.argv[1])), "http://127.0.0.1:1")
with presence.shown():
    presence.tell("v1")
    print("there", flush=True)
    sys.stdin.read()
"""

URL = "http://127.0.0.1:8502"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def notes(workspace: Workspace) -> list[str]:
    return sorted(path.suffix for path in (workspace.serving / "servers").iterdir())


def test_a_running_server_is_seen_and_one_that_ended_is_not(workspace: Workspace) -> None:
    assert servers.running(workspace) == []
    first = Presence(workspace, URL)
    second = Presence(workspace, "http://127.0.0.1:8501")
    with first.shown():
        [seen] = servers.running(workspace)
        assert (seen.pid, seen.url, seen.serving, seen.since) == (os.getpid(), URL, None, None)
        with second.shown():
            urls = [server.url for server in servers.running(workspace)]
            assert urls == ["http://127.0.0.1:8501", URL]
        assert [server.url for server in servers.running(workspace)] == [URL]
    assert servers.running(workspace) == []
    assert notes(workspace) == []


def test_it_tells_what_it_serves_and_since_when(workspace: Workspace) -> None:
    presence = Presence(workspace, URL)
    with presence.shown():
        presence.tell(None, loading="v1")
        [server] = servers.running(workspace)
        assert (server.serving, server.loading, server.holds) == (None, "v1", {"v1"})
        presence.tell("v1")
        [server] = servers.running(workspace)
        since = server.since
        assert since is not None
        presence.tell("v1", loading="v2")
        [server] = servers.running(workspace)
        assert (server.since, server.holds) == (since, {"v1", "v2"})
        presence.tell("v2")
        [server] = servers.running(workspace)
        assert (server.serving, server.loading) == ("v2", None)
    presence.tell("v3")
    assert notes(workspace) == []


def test_a_killed_server_is_no_server_and_the_next_one_cleans_up(workspace: Workspace) -> None:
    command = [sys.executable, "-c", ELSEWHERE, str(workspace.root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        [server] = servers.running(workspace)
        assert (server.pid, server.serving) == (process.pid, "v1")
        process.kill()
    assert notes(workspace) == [".json", ".lock"]
    assert servers.running(workspace) == []
    with Presence(workspace, URL).shown():
        assert notes(workspace) == [".json", ".lock"]
        assert [server.url for server in servers.running(workspace)] == [URL]
