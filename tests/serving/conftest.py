from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fake_store import publish, server, wait_for, workspace_at

from recsys.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Users, and no bundle yet."""
    return workspace_at(tmp_path)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Speaks to a server that serves the bundle `v1`; tests that change a user take one of
    their own."""
    workspace = workspace_at(tmp_path_factory.mktemp("served"))
    publish(workspace, "v1")
    with server(workspace) as url, httpx.Client(base_url=url) as speaking:
        wait_for(url)
        yield speaking
