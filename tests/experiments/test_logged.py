"""The outcomes of experiments from daily logs, against sums made by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from daily_logs import DAY, NEXT, at, impression, make_workspace, request, write_log

from recsys import engine
from recsys.experiments import logged
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


def test_requests_may_say_how_long_a_page_took_and_how_many_apps_it_had(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    pages = [
        request("r1", "u", at(9), latency_ms=4.0, num_items=20),
        request("r2", "u", at(10), latency_ms=6.5, num_items=0),
        request("r3", "u", at(11), latency_ms=2.0, num_items=3),
    ]
    write_log(workspace, "requests", DAY, pages)
    found = rows(workspace)["u", DAY]
    assert (found["latency_ms"], found["empty_pages"], found["pages"]) == (12.5, 1, 3)


def test_days_without_any_log_have_no_rows(tmp_path: Path) -> None:
    assert rows(make_workspace(tmp_path)) == {}
