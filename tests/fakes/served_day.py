"""A day of a real server, twice over: its own feature log, and the daily tables that the rest of
the store would have logged of the same requests."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
from daily_logs import impression, write_log
from fake_store import server, wait_for

from recsys import pushes, served_features
from recsys.bundle import Bundle
from recsys.workspace import Workspace
from serving.versions import Load, load_recommender

SURFACES = ("home", "search", "home")


@dataclass(frozen=True)
class ServedDay:
    """A workspace whose server answered requests."""

    workspace: Workspace
    day: dt.date
    requests: list[dict[str, Any]]
    """The rows of the day's table of requests."""
    pages: dict[str, list[str]]
    """Apps shown, by request."""


def workspace_with(bundle: Bundle, source: Workspace, root: Path) -> Workspace:
    """A copy of a workspace that serves a bundle."""
    shutil.copytree(source.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(bundle.path, workspace.bundles / bundle.version)
    pushes.make_current(workspace, bundle.version, "a test serves it")
    return workspace


def serve_day(
    workspace: Workspace,
    num_requests: int,
    load: Load = load_recommender,
    unsent: str | None = None,
) -> ServedDay:
    """Asks a server on behalf of the store's users, all on one day of its clock, and writes what
    is then known of the requests.

    Args:
        workspace: has users and a bundle.
        num_requests: how many to send; a third of them from the store's search.
        load: makes the recommender.
        unsent: a column of the requests' context that the client forgets to send.
    """
    users = _users(workspace)
    with server(workspace, load) as url, httpx.Client(base_url=url) as client:
        wait_for(url)
        while True:
            began = dt.datetime.now(dt.UTC).date()
            rows, pages = _asked(client, users, num_requests, unsent)
            if dt.datetime.now(dt.UTC).date() == began:
                break
    times = {row["request_id"]: row["time"] for row in logged(workspace, began)}
    requests = [{**row, "time": times[row["request_id"]]} for row in rows]
    write_log(workspace, "requests", began, requests)
    shown = [
        impression(name, app_id, position)
        for name, page in pages.items()
        for position, app_id in enumerate(page, 1)
    ]
    write_log(workspace, "impressions", began, shown)
    return ServedDay(workspace, began, requests, pages)


def logged(workspace: Workspace, day: dt.date) -> list[dict[str, Any]]:
    """The rows of the server's feature log."""
    by_bundle = served_features.files(workspace, day)
    files = [file for files in by_bundle.values() for file in files]
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def _users(workspace: Workspace) -> list[dict[str, Any]]:
    [file] = workspace.files("users", workspace.days("users")[-1])
    rows: list[dict[str, Any]] = pq.ParquetFile(file).read().to_pylist()
    return rows


def _asked(
    client: httpx.Client, users: list[dict[str, Any]], num_requests: int, unsent: str | None
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    rows, pages = [], {}
    for number in range(num_requests):
        user = users[number % len(users)]
        context = _context(user, SURFACES[number % len(SURFACES)])
        sent = {name: value for name, value in context.items() if name != unsent}
        body = {"user_id": user["user_id"], "k": 10, "context": sent}
        answer = client.post("/v1/recommend", json=body).raise_for_status().json()
        row = {"request_id": answer["request_id"], "user_id": user["user_id"], **context}
        rows.append(row)
        pages[answer["request_id"]] = [item["app_id"] for item in answer["items"]]
    return rows, pages


def _context(user: Mapping[str, Any], surface: str) -> dict[str, str]:
    return {**{name: user[name] for name in ("country", "language", "device")}, "surface": surface}
