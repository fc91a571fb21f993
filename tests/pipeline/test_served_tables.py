"""What a real server logs is a day that the pipeline takes: its tables are whole, and the features
that were served are those that are trained on."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from daily_logs import write_log
from data_half import judge
from fake_store import server, wait_for
from served_day import workspace_with

from pipeline.artifacts import Examples, ServingSkew
from pipeline.store import Store
from recsys.bundle import Bundle
from recsys.features.skew import Skew
from recsys.workspace import Workspace
from serving import population
from serving.publishing import publish
from serving.user_store import open_store
from serving.versions import load_recommender

NUM_REQUESTS = 300


@dataclass
class Lived:
    """A day of visitors, as they know it."""

    day: dt.date
    pages: dict[str, list[str]] = field(default_factory=dict)
    """Apps that were shown, by request."""
    installs: set[tuple[str, str]] = field(default_factory=set)
    """Request and app."""
    num_outcomes: int = 0


@pytest.fixture(scope="module")
def lived(
    tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Workspace, tiny_bundle: Bundle
) -> Iterator[tuple[Workspace, Lived]]:
    """A workspace whose server published a day, years after the others."""
    root = tmp_path_factory.mktemp("served") / "store"
    workspace = workspace_with(tiny_bundle, tiny_workspace, root)
    while (now := dt.datetime.now(dt.UTC)).hour == 23 and now.minute > 57:
        time.sleep(1)  # a day has its visitors whole
    deliver_snapshots(workspace, now.date())
    with server(workspace, load_recommender) as url, httpx.Client(base_url=url) as client:
        wait_for(url)
        day = live(client, workspace, now.date())
    with contextlib.closing(open_store(workspace)) as store:
        publish(workspace, store, dt.datetime.now(dt.UTC), day.day)
    yield workspace, day


def live(client: httpx.Client, workspace: Workspace, day: dt.date) -> Lived:
    """Visitors open pages, see most of each, click, install, and remove what they had."""
    [file] = workspace.files("users", workspace.days("users")[-1])
    users = [user["user_id"] for user in pq.read_table(file).to_pylist()]
    lived = Lived(day)
    for number in range(NUM_REQUESTS):
        user = users[number * 7 % len(users)]
        asked = {"user_id": user, "k": 10, "context": {"surface": ("home", "search")[number % 2]}}
        page = client.post("/v1/recommend", json=asked).raise_for_status().json()
        shown = page["items"][: 10 - number % 3]
        lived.pages[page["request_id"]] = [item["app_id"] for item in shown]
        events = [event("impression", user, page, item) for item in shown]
        if number % 2:
            events.append(event("click", user, page, shown[0]))
        if number % 3 == 0:
            events.append(event("install", user, page, shown[1]))
            lived.installs.add((page["request_id"], shown[1]["app_id"]))
        if number % 5 == 0:
            events.append(event("uninstall", user, page, shown[1]))
        lived.num_outcomes += len(events) - len(shown)
        for _ in range(1 + number % 2):  # some clients say everything twice
            client.post("/v1/events", json={"events": events}).raise_for_status()
    return lived


def event(kind: str, user: str, page: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    request_id, app_id = page["request_id"], item["app_id"]
    return {
        "event_id": f"{request_id} {kind} {app_id}",
        "kind": kind,
        "user_id": user,
        "app_id": app_id,
        "request_id": request_id,
        "position": item["position"],
    }


def deliver_snapshots(workspace: Workspace, day: dt.date) -> None:
    """Apps and users as they are when the day begins, as those bring them who know."""
    with contextlib.closing(open_store(workspace)) as store:
        population.seed(store, workspace)
        users = store.page("", "", 1_000)
    rows = [
        {"user_id": one.user_id, **one.profile, "installed_app_ids": list(one.installed_app_ids)}
        for one in users
    ]
    shutil.copytree(workspace.day("apps", workspace.days("apps")[-1]), workspace.day("apps", day))
    write_log(workspace, "users", day, rows)


@pytest.fixture(scope="module")
def judged(lived: tuple[Workspace, Lived]) -> tuple[Store, list[Any]]:
    workspace, day = lived
    store = Store(workspace)
    return store, judge(store, day.day)


def test_the_tables_hold_what_happened(lived: tuple[Workspace, Lived]) -> None:
    workspace, day = lived
    requests, impressions, outcomes = (
        [row for file in workspace.files(table, day.day) for row in pq.read_table(file).to_pylist()]
        for table in ("requests", "impressions", "outcomes")
    )
    assert {row["request_id"] for row in requests} == {*day.pages}
    assert len(requests) == NUM_REQUESTS
    shown: dict[str, list[str]] = {}
    for row in sorted(impressions, key=lambda row: row["position"]):
        shown.setdefault(row["request_id"], []).append(row["app_id"])
    assert shown == day.pages
    assert len(outcomes) == day.num_outcomes


def test_the_tables_are_whole(
    lived: tuple[Workspace, Lived], judged: tuple[Store, list[Any]]
) -> None:
    store, _ = judged
    examples = store.current(Examples, lived[1].day)
    counts = examples.integrity
    assert counts["requests"][""]["num_rows"] == NUM_REQUESTS
    kinds = ("num_missing", "num_duplicated", "num_unlinked", "num_repeated", "num_outside")
    odd = {
        f"{table}.{column} {name}": figure
        for table, columns in counts.items()
        for column, figures in columns.items()
        for name, figure in figures.items()
        if name in kinds and figure
    }
    assert odd == {}


def test_every_impression_is_an_example_with_its_label(
    lived: tuple[Workspace, Lived], judged: tuple[Store, list[Any]]
) -> None:
    _, day = lived
    store, _ = judged
    examples = pq.read_table(store.current(Examples, day.day).examples).to_pylist()
    assert len(examples) == sum(map(len, day.pages.values()))
    assert {(e["request_id"], e["app_id"]) for e in examples if e["installed"]} == day.installs


def test_what_was_served_is_what_is_trained_on(
    lived: tuple[Workspace, Lived], judged: tuple[Store, list[Any]]
) -> None:
    store, anomalies = judged
    skew = Skew.load(store.current(ServingSkew, lived[1].day).skew)
    assert skew.num_joined == NUM_REQUESTS
    differing = {name: one.num_differing for name, one in skew.features.items()}
    assert differing["installed_app_ids"] == 0
    assert differing["country"] == 0
    errors = [f"{row.name}: {row.description}" for row in anomalies if row.severity == "error"]
    assert errors == []


def test_the_workspace_stays_where_it_was(lived: tuple[Workspace, Lived]) -> None:
    assert not list(Path(lived[0].logs).glob(".staged*"))
