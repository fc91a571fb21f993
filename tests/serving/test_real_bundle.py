"""A real bundle served, and what becomes of a damaged one that is named beside it."""

from __future__ import annotations

import datetime as dt
import gc
import shutil
import weakref
from pathlib import Path

import httpx
import pytest
from fake_store import eventually, server, wait_for

from recsys import pushes
from recsys.bundle import Bundle
from recsys.query import Query
from recsys.workspace import Workspace
from serving.versions import load_recommender


@pytest.fixture
def workspace(tmp_path: Path, tiny_workspace: Workspace, tiny_bundle: Bundle) -> Workspace:
    """The tiny store with its bundle pushed."""
    root = tmp_path / "store"
    shutil.copytree(tiny_workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    pushes.make_current(workspace, tiny_bundle.version, "a test serves it")
    return workspace


@pytest.mark.parametrize("damaged", ["index.faiss", "apps.parquet", "app_features/app_id.npy"])
def test_a_flipped_byte_is_refused_and_the_old_bundle_serves_on(
    workspace: Workspace, tiny_bundle: Bundle, damaged: str
) -> None:
    newer = f"{tiny_bundle.version}-newer"
    shutil.copytree(tiny_bundle.path, workspace.bundles / newer)
    path = workspace.bundles / newer / damaged
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with server(workspace, load_recommender) as url:
        wait_for(url)
        pushes.make_current(workspace, newer, "a test damaged it")

        def refused() -> bool:
            return httpx.get(f"{url}/v1/bundles").json()["refused"] is not None

        eventually(refused)
        bundles = httpx.get(f"{url}/v1/bundles").json()
        page = httpx.post(f"{url}/v1/recommend", json={"user_id": "u0000001", "k": 5}).json()
    assert bundles["serving"] == tiny_bundle.version
    assert bundles["refused"]["version"] == newer
    assert damaged in bundles["refused"]["reason"]
    assert page["bundle"] == tiny_bundle.version
    assert len(page["items"]) == 5


def test_a_bundle_that_nobody_holds_is_gone_at_once(tiny_bundle: Bundle, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bundle.path, tmp_path / "bundle"))
    maps = Path("/proc/self/maps")
    query = Query("u1", dt.datetime(2024, 3, 14, tzinfo=dt.UTC), {"country": "NO"}, k=5)
    gc.disable()  # a server's collector seldom looks
    try:
        recommender = load_recommender(folder)
        assert len(recommender.recommend([query])[0].items) == 5
        assert f"{folder}/" in maps.read_text()
        gone = weakref.ref(recommender)
        del recommender
        assert gone() is None
        assert f"{folder}/" not in maps.read_text()
    finally:
        gc.enable()
