"""The outcomes of experiments from daily logs, against sums made by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
from daily_logs import DAY, NEXT, at, impression, make_workspace, request, write_log

from recsys import engine
from recsys.experiments import logged
from recsys.experiments.stored import logged_exposures
from recsys.experiments.tables import SERVED
from recsys.workspace import Workspace


def done(name: str, user: str, time: dt.datetime, kind: str) -> dict[str, Any]:
    return {"event_id": name, "user_id": user, "app_id": "a", "time": time, "kind": kind}


def rows(workspace: Workspace) -> dict[tuple[str, dt.date], dict[str, float]]:
    found = engine.to_arrow(workspace.config.engine, logged.outcomes(workspace, [DAY, NEXT]))
    return {(row.pop("user_id"), row.pop("day")): row for row in found.to_pylist()}


def test_pages_count_on_their_day_and_deeds_on_theirs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    asked = [request("r1", "u", at(9)), request("r2", "u", at(23)), request("r3", "v", at(1))]
    write_log(workspace, "requests", DAY, asked)
    shown = [impression("r1", "a", 1), impression("r1", "b", 2), impression("r2", "a", 1)]
    write_log(workspace, "impressions", DAY, shown)
    write_log(
        workspace,
        "outcomes",
        NEXT,
        [
            done("e1", "u", at(0, NEXT), "click"),
            done("e2", "u", at(1, NEXT), "install"),
            done("e3", "u", at(2, NEXT), "click"),
            done("e4", "w", at(3, NEXT), "uninstall"),
        ],
    )
    nothing = dict.fromkeys(("pages", "empty_pages", "impressions"), 0.0)
    idle = dict.fromkeys(("clicks", "installs", "uninstalls"), 0.0)
    assert rows(workspace) == {
        ("u", DAY): {"pages": 2, "empty_pages": 0, "impressions": 3, **idle},
        ("v", DAY): {"pages": 1, "empty_pages": 1, "impressions": 0, **idle},
        ("u", NEXT): {**nothing, "clicks": 2, "installs": 1, "uninstalls": 0},
        ("w", NEXT): {**nothing, "clicks": 0, "installs": 0, "uninstalls": 1},
    }


def exposed(request_id: str, experiment: str, latency_ms: float, num_items: int) -> dict[str, Any]:
    page = {"request_id": request_id, "latency_ms": latency_ms, "num_items": num_items}
    arm = {"experiment": experiment, "arm": "control", "bundle": "b"}
    return {"user_id": "u", "time": at(9), **arm, **page}


def test_servers_say_how_long_an_arms_page_took_and_how_many_apps_it_had(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    asked = [request(f"r{number}", "u", at(9 + number)) for number in range(4)]
    write_log(workspace, "requests", DAY, asked)
    served = [
        exposed("r0", "one", 4.0, 20),
        exposed("r0", "another layer", 4.0, 20),
        exposed("r1", "one", 6.5, 0),
        exposed("r2", "one", 2.0, 3),
    ]
    logged_exposures(workspace).write(DAY, pa.Table.from_pylist(served, SERVED))
    found = rows(workspace)["u", DAY]
    # Of the fourth page no server says anything, and nothing of it was shown.
    assert (found["latency_ms"], found["empty_pages"], found["pages"]) == (12.5, 2, 4)


def test_days_without_any_log_have_no_rows(tmp_path: Path) -> None:
    assert rows(make_workspace(tmp_path)) == {}
