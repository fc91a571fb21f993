from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator

import httpx
import pytest
from fake_store import eventually, publish, server, wait_for

from recsys.workspace import Workspace


@contextlib.contextmanager
def serving(workspace: Workspace) -> Iterator[httpx.Client]:
    with server(workspace) as url:
        wait_for(url)
        token = (workspace.serving / "admin_token").read_text()
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
            yield client


def live(client: httpx.Client) -> str:
    version: str = client.post("/v1/recommend", json={"user_id": "u000"}).json()["bundle"]
    return version


def test_activate_and_roll_back(workspace: Workspace) -> None:
    publish(workspace, "v1")
    publish(workspace, "v2", live=False)
    with serving(workspace) as client:
        answer = client.post("/v1/bundles/v2:activate").json()
        assert answer == {
            "serving": "v2",
            "versions": ["v1", "v2"],
            "refused": None,
            "beside": [],
            "lacking": [],
        }
        assert live(client) == "v2"
        assert workspace.current_bundle.read_text() == "v2\n"
        assert client.post("/v1/bundles:rollback").json()["serving"] == "v1"
        assert live(client) == "v1"
        assert workspace.current_bundle.read_text() == "v1\n"


def test_nothing_to_roll_back_to(workspace: Workspace) -> None:
    publish(workspace, "v1")
    with serving(workspace) as client:
        answer = client.post("/v1/bundles:rollback")
        assert answer.status_code == 409
        assert "none to go back to" in answer.json()["detail"]


@pytest.mark.parametrize("version", ["broken", "missing", "..", ".staged-v2-x"])
def test_a_refused_bundle_leaves_the_old_one_serving(workspace: Workspace, version: str) -> None:
    publish(workspace, "v1")
    publish(workspace, "broken", whole=False, live=False)
    with serving(workspace) as client:
        url = f"/v1/bundles/{version.replace('.', '%2E')}:activate"
        answer = client.post(url)
        assert answer.status_code == 409
        assert version in answer.json()["detail"]
        assert live(client) == "v1"
        assert client.get("/v1/bundles").json()["refused"]["version"] == version
        assert workspace.current_bundle.read_text() == "v1\n"


@pytest.mark.parametrize("given", [None, b"Bearer wrong", b"Bearer", b"x", "Bearer ß".encode()])
def test_admin_calls_need_the_token(client: httpx.Client, given: bytes | None) -> None:
    for call in ("/v1/bundles/v1:activate", "/v1/bundles:rollback"):
        answer = client.post(call, headers=[(b"Authorization", given)] if given else [])
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "token" in answer.json()["detail"]


def test_only_its_owner_may_read_the_token_file(workspace: Workspace) -> None:
    publish(workspace, "v1")
    with serving(workspace):
        mode = (workspace.serving / "admin_token").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_the_environment_may_give_the_token(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_ADMIN_TOKEN", "secret")
    publish(workspace, "v1")
    with server(workspace) as url:
        wait_for(url)
        given = {"Authorization": "Bearer secret"}
        assert httpx.post(url + "/v1/bundles/v1:activate", headers=given).status_code == 200
    assert not (workspace.serving / "admin_token").exists()


def test_the_server_follows_the_file_that_names_the_live_bundle(workspace: Workspace) -> None:
    publish(workspace, "v1")
    with serving(workspace) as client:
        publish(workspace, "broken", whole=False)
        eventually(lambda: client.get("/v1/bundles").json()["refused"] is not None)
        assert live(client) == "v1"
        publish(workspace, "v2")
        eventually(lambda: live(client) == "v2")
        assert client.get("/v1/bundles").json()["refused"] is None
