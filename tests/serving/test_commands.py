"""The commands as a person types them, in processes of their own."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from fake_store import app_id, eventually, load_fake, publish, server, wait_for, workspace_at

from recsys.errors import BadInput
from recsys.workspace import Workspace
from serving import asking, population


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    workspace = workspace_at(tmp_path_factory.mktemp("asked"))
    publish(workspace, "v1")
    with server(workspace) as address:
        wait_for(address)
        yield address


def recsys(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recsys", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_recommend_asks_a_server(url: str) -> None:
    done = recsys("recommend", "u002", "--url", url, "--k", "3", "--country", "NO", "--json")
    assert done.returncode == 0, done.stderr
    shown, answer = done.stdout, json.loads(done.stdout.splitlines()[-1])
    assert "has 2: Morning Pages, Tidal Chart" in shown
    assert re.search(r"1 +Sourdough +Food +0\.5000 +retrieval, popular", shown)
    assert f"by bundle v1, asked of {url}" in shown
    assert [item["app_id"] for item in answer["items"]] == [app_id(2), app_id(3), app_id(4)]
    assert answer["user"]["profile"]["country"] == "IN"


def test_recommend_exits_with_2_and_a_sentence(url: str) -> None:
    done = recsys("recommend", "u002", "--url", url, "--k", "1001")
    assert (done.returncode, done.stdout) == (2, "")
    assert "at most 1000" in done.stderr


def test_asking_tells_what_is_wrong() -> None:
    with pytest.raises(BadInput, match="user_id"):
        asking.checked("u" * 121, None, {})
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
    assert not asking.is_ready(nobody)
    with pytest.raises(BadInput, match="recsys serve"):
        asking.ask_server(nobody, asking.checked("u002", None, {}))


def test_the_bundle_in_this_process_answers_as_a_server_does(workspace: Workspace) -> None:
    request = asking.checked("u002", 3, {"country": "NO"})
    with pytest.raises(BadInput, match="recsys run"):
        asking.ask_bundle(workspace, request, population.no_progress, load_fake)
    publish(workspace, "v1")
    here = asking.ask_bundle(workspace, request, population.no_progress, load_fake)
    with server(workspace) as address:
        wait_for(address)
        there = asking.ask_server(address, request)
    assert here.user == there.user
    assert here.page["items"] == there.page["items"]


def test_serve_binds_tells_and_stops_when_asked(workspace: Workspace) -> None:
    command = [sys.executable, "-m", "recsys", "serve", "--port", "0", "--workspace"]
    process = subprocess.Popen([*command, str(workspace.root)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert address is not None
        url = address.group()
        eventually(lambda: "no bundle serves yet" in httpx.get(f"{url}/readyz").text)
        taken = recsys("serve", "--port", url.rsplit(":")[-1], "--workspace", str(workspace.root))
        assert taken.returncode == 2
        assert "can't be bound" in taken.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        process.stderr.close()
