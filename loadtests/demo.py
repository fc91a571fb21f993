"""The whole system once, top to bottom, on a small synthetic store."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import httpx
import typer

from loadtests.load import LoadResult, run_load
from loadtests.steps import server, step
from recsys.workspace import Workspace, write_atomically

_LOAD_SECONDS = 10


def demo(workspace: Path, preset: str) -> None:
    """Data, training, evaluation, a server, a page of recommendations, and load on the server.

    A workspace that is there already is brought up to date rather than made anew.

    Raises:
        GateStopped: a step failed.
    """
    started = time.monotonic()
    generate = ("data", "generate", "--preset", preset)
    step("1. An app store's logs: who was shown what, and did what", *generate, workspace=workspace)
    step("2. From logs to a bundle that serves", "run", workspace=workspace)
    step("3. What the model was measured at", "evaluate", workspace=workspace)
    truth = ("ab", "expected-installs")
    step("4. What its pages are worth to users whose truth is known", *truth, workspace=workspace)
    with server(workspace) as url:
        ask = ("recommend", _some_user(url), "--k", "10", "--url", url)
        step(f"5. Ten apps, over HTTP from {url}", *ask, workspace=workspace)
        typer.secho(f"\n6. {_LOAD_SECONDS} s of load by locust", bold=True)
        load = run_load(url, seconds=_LOAD_SECONDS)
    report = Workspace(workspace).reports / "load.json"
    write_atomically(report, json.dumps(dataclasses.asdict(load), indent=1).encode())
    typer.echo(_described(load))
    typer.secho(f"\nDone in {time.monotonic() - started:.0f} s. Now look around:", bold=True)
    typer.echo(_pointers(workspace, report))


def _some_user(url: str) -> str:
    """A user of the store with something installed."""
    page = httpx.get(f"{url}/v1/users", params={"limit": 1}).raise_for_status().json()
    return str(page["users"][0]["user_id"])


def _described(load: LoadResult) -> str:
    return (
        f"{load.num_requests:,} pages to {load.num_visitors} visitors in a closed loop, each "
        f"waiting for its answer: {load.requests_per_s:,.0f} pages/s, {load.num_failures} failures"
        f"\np50 {load.p50_ms:.1f} ms, p95 {load.p95_ms:.1f} ms, p99 {load.p99_ms:.1f} ms"
    )


def _pointers(workspace: Path, report: Path) -> str:
    option = "" if workspace == Path("workspace") else f" --workspace {workspace}"
    return "\n".join(
        [
            f"  recsys serve{option}          the storefront, http://127.0.0.1:8501",
            f"  recsys ui{option}             Dagster's page: the graph, and what each day made",
            f"  recsys bundles show{option}   what the bundle was made of",
            f"  {report}   the load test's figures",
        ]
    )
