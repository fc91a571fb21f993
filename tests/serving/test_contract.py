"""Schemathesis reads the OpenAPI document and asks for what nobody thought of: no answer may be a
failure of the server, or of a status or shape that the document doesn't name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fake_store import publish, server, wait_for

from recsys import pushes
from recsys.bundle import Bundle
from recsys.workspace import Workspace
from serving.state import ADMIN_TOKEN
from serving.versions import load_recommender

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "missing_required_header"),
    *("unsupported_method", "allow_header_conformance"),
)


def schemathesis(url: str, *arguments: str) -> str:
    """What it says of a server; the same requests each time."""
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{url}/openapi.json"]
    command += ["--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing"]
    command += ["--generation-deterministic", "--no-shrink", "--warnings", "off", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_endpoint_keeps_the_contract(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(workspace, "v1")
    monkeypatch.setenv(ADMIN_TOKEN, "secret")
    with server(workspace) as url:
        wait_for(url)
        said = schemathesis(url, "--max-examples", "10", "--header", "Authorization: Bearer secret")
    assert "Tested: 14" in said


def test_a_model_is_asked_for_nothing_that_it_cannot_answer(
    tmp_path: Path, tiny_workspace: Workspace, tiny_bundle: Bundle
) -> None:
    root = tmp_path / "store"
    shutil.copytree(tiny_workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    pushes.make_current(workspace, tiny_bundle.version, "a test serves it")
    with server(workspace, load_recommender) as url:
        wait_for(url)
        schemathesis(url, "--max-examples", "30", "--include-path-regex", "recommend|similar")
        metrics = httpx.get(f"{url}/metrics").text
    for rung in ("retrieval_order", "popular"):
        assert f'recsys_degraded_pages_total{{rung="{rung}"}} 0.0' in metrics
    assert 'recsys_requests_total{route="/v1/recommend",status="200"}' in metrics
