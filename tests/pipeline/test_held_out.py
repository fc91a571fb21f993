from __future__ import annotations

from pathlib import Path
from typing import Any

from daily_logs import DAY, NEXT, make_workspace, outcome, request, write_log
from daily_logs import at as hour

from pipeline.artifacts import Examples, Record
from pipeline.example_gen import example_gen
from pipeline.held_out import held_out_users
from recsys.evaluation.pages import HeldOutUser
from recsys.workspace import Workspace


def logs(root: Path, **changes: Any) -> Workspace:
    """Anna asks thrice and installs thrice, Ben asks and installs, Carl only asks."""
    workspace = make_workspace(root, **changes)
    apps = [{"app_id": app} for app in ("a", "b", "c", "d", "old")]
    for day in (DAY, NEXT):
        write_log(workspace, "apps", day, apps)
    users: list[dict[str, Any]] = [
        {"user_id": "anna", "age_band": "25-34", "installed_app_ids": ["old"]},
        {"user_id": "ben"},
        {"user_id": "carl"},
    ]
    write_log(workspace, "users", DAY, users)
    write_log(
        workspace,
        "requests",
        DAY,
        [
            request("r-late", "anna", hour(9), country="SE"),
            request("r-first", "anna", hour(7), country="NO"),
            request("r-ben", "ben", hour(8), country="DE"),
            request("r-carl", "carl", hour(6)),
        ],
    )
    write_log(
        workspace,
        "outcomes",
        DAY,
        [
            outcome("install", "anna", "a", hour(9), "r-late"),
            outcome("click", "anna", "d", hour(9), "r-late"),
            outcome("install", "ben", "c", hour(8), "r-ben"),
        ],
    )
    write_log(workspace, "requests", NEXT, [request("r-next", "anna", hour(5, NEXT))])
    installs = [outcome("install", "anna", app, hour(5, NEXT), "r-next") for app in ("b", "c")]
    write_log(workspace, "outcomes", NEXT, installs)
    return workspace


def held_out(workspace: Workspace) -> dict[str, HeldOutUser]:
    examples = []
    for day in (DAY, NEXT):
        out = workspace.root / f"examples {day}"
        out.mkdir()
        example_gen(workspace, day, out)
        examples.append(Examples(out, Record("", "", "", (), "", "", "", 0.0)))
    return {user.query.user_id: user for user in held_out_users(examples, workspace.config)}


def test_a_user_is_asked_about_once_at_the_first_request(tmp_path: Path) -> None:
    users = held_out(logs(tmp_path))
    assert set(users) == {"anna", "ben"}
    anna = users["anna"]
    assert anna.relevant == {"a", "b", "c"}
    assert anna.query.time == hour(7)
    assert anna.query.features["country"] == "NO"
    assert anna.query.features["age_band"] == "25-34"
    assert list(anna.query.installed_app_ids) == ["old"]
    assert anna.query.exclude == frozenset()
    assert users["ben"].relevant == {"c"}


def test_the_query_asks_for_the_page_that_is_measured(tmp_path: Path) -> None:
    users = held_out(logs(tmp_path, evaluation={"k": 7}))
    assert {user.query.k for user in users.values()} == {7}


def test_fewer_users_are_some_of_the_same_ones(tmp_path: Path) -> None:
    every = held_out(logs(tmp_path / "every"))
    [(name, one)] = held_out(logs(tmp_path / "one", evaluation={"max_users": 1})).items()
    assert every[name] == one


def test_under_a_random_split_what_was_trained_on_is_excluded(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, examples={"split": "random"})
    apps = [f"app-{number}" for number in range(30)]
    write_log(workspace, "apps", DAY, [{"app_id": app} for app in apps])
    for day, shift in ((DAY, 0), (NEXT, 10)):
        installs = apps[shift : shift + 20]
        asked = [request(f"{day} {app}", "anna", hour(3, day)) for app in installs]
        write_log(workspace, "requests", day, asked)
        taken = [outcome("install", "anna", app, hour(3, day), f"{day} {app}") for app in installs]
        write_log(workspace, "outcomes", day, taken)
    write_log(workspace, "users", DAY, [{"user_id": "anna"}])
    anna = held_out(workspace)["anna"]
    assert anna.relevant
    assert anna.query.exclude
    assert anna.relevant | anna.query.exclude == set(apps)
