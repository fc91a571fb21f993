"""Several processes at one place, over the tiny store's real bundle."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fake_store import eventually

from loadtests.steps import server
from recsys import pushes
from recsys.bundle import Bundle
from recsys.registry import servers
from recsys.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Workspace, tiny_bundle: Bundle
) -> Workspace:
    """The tiny store with its bundle pushed, and the same bundle under another name."""
    root = tmp_path_factory.mktemp("workers") / "store"
    shutil.copytree(tiny_workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    pushes.make_current(workspace, tiny_bundle.version, "a test serves it")
    return workspace


@pytest.fixture(scope="module")
def url(workspace: Workspace) -> Iterator[str]:
    with server(workspace.root, ("recsys", "serve"), "--workers", "2") as url:
        yield url


def own_urls(workspace: Workspace) -> list[str]:
    return [one.own_url for one in servers.running(workspace) if one.serving]


def test_both_answer_at_one_place_and_each_at_its_own(workspace: Workspace, url: str) -> None:
    eventually(lambda: len(own_urls(workspace)) == 2)
    assert {one.url for one in servers.running(workspace)} == {url}
    for _ in range(20):  # each over a connection of its own
        assert httpx.post(f"{url}/v1/recommend", json={"user_id": "u0000001"}).status_code == 200
    text = httpx.get(f"{url}/metrics").text
    for one in servers.running(workspace):
        assert f'worker="{one.pid}"' in text
        alone = httpx.get(f"{one.own_url}/metrics", params={"of": "worker"}).text
        assert "worker=" not in alone
    pages = [line for line in text.splitlines() if line.startswith("recsys_batch_size_count")]
    assert sum(float(line.split()[-1]) for line in pages) == 20


def test_what_one_is_told_the_other_knows(workspace: Workspace, url: str) -> None:
    first, second = own_urls(workspace)
    page = httpx.post(f"{first}/v1/recommend", json={"user_id": "u0000002", "k": 5}).json()
    install = {
        "event_id": "e1",
        "user_id": "u0000002",
        "app_id": page["items"][0]["app_id"],
        "kind": "install",
    }
    for where, accepted in ((first, 1), (second, 0)):
        answer = httpx.post(f"{where}/v1/events", json={"events": [install]}).json()
        assert answer["accepted"] == accepted
    later = httpx.post(f"{second}/v1/recommend", json={"user_id": "u0000002", "k": 5}).json()
    assert install["app_id"] not in {item["app_id"] for item in later["items"]}
    journals = list((workspace.serving / "requests").glob("day=*/*.jsonl"))
    assert len(journals) >= 2


def test_one_that_dies_is_started_again(workspace: Workspace, url: str) -> None:
    victim = servers.running(workspace)[0].pid
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: len({one.pid for one in servers.running(workspace)} - {victim}) == 2, 60)
    eventually(lambda: len(own_urls(workspace)) == 2, 60)
    assert httpx.get(f"{url}/readyz").status_code == 200


def test_they_end_together(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "store")
    shutil.copytree(workspace.root, other.root, ignore=shutil.ignore_patterns("serving"))
    with server(other.root, ("recsys", "serve"), "--workers", "2"):
        assert len(servers.running(other)) == 2
    assert servers.running(other) == []
