from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from daily_logs import DAY, NEXT, impression, make_workspace, outcome, request, write_log
from daily_logs import at as hour

from pipeline.artifacts import Examples, Record
from pipeline.example_gen import example_gen
from pipeline.held_out import held_out, held_out_users
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


def examples_of(workspace: Workspace, day: dt.date) -> Examples:
    out = workspace.root / f"examples {day}"
    out.mkdir()
    example_gen(workspace, day, out)
    return Examples(out, Record("", "", "", (), "", "", "", 0.0))


def users_of(workspace: Workspace) -> dict[str, HeldOutUser]:
    examples = [examples_of(workspace, day) for day in (DAY, NEXT)]
    return {user.query.user_id: user for user in held_out_users(examples, workspace.config)}


def test_a_user_is_asked_about_once_at_the_first_request(tmp_path: Path) -> None:
    users = users_of(logs(tmp_path))
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
    users = users_of(logs(tmp_path, evaluation={"k": 7}))
    assert {user.query.k for user in users.values()} == {7}


def test_fewer_users_are_some_of_the_same_ones(tmp_path: Path) -> None:
    every = users_of(logs(tmp_path / "every"))
    [(name, one)] = users_of(logs(tmp_path / "one", evaluation={"max_users": 1})).items()
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
    anna = users_of(workspace)["anna"]
    assert anna.relevant
    assert anna.query.exclude
    assert anna.relevant | anna.query.exclude == set(apps)


def with_impressions(root: Path, **changes: Any) -> Workspace:
    """Anna and Ben ask on both days, Dora on the second only; each page shows two apps."""
    workspace = make_workspace(root, **changes)
    for day, people in ((DAY, ("anna", "ben")), (NEXT, ("anna", "ben", "dora"))):
        apps = [{"app_id": "a", "category": "Games"}, {"app_id": "b"}]
        write_log(workspace, "apps", day, apps)
        asked = [request(f"{day} {who}", who, hour(5, day), country="SE") for who in people]
        write_log(workspace, "requests", day, asked)
        pages = [(f"{day} {who}", place, app) for who in people for place, app in enumerate("ab")]
        shown = [impression(name, app, 1 + place) for name, place, app in pages]
        write_log(workspace, "impressions", day, shown)
        installs = [outcome("install", who, "a", hour(6, day), f"{day} {who}") for who in people]
        write_log(workspace, "outcomes", day, installs)
    write_log(workspace, "users", DAY, [{"user_id": "anna", "installed_app_ids": ["x", "y"]}])
    return workspace


def test_who_did_not_ask_in_the_training_window_is_new(tmp_path: Path) -> None:
    workspace = with_impressions(tmp_path)
    train, test = examples_of(workspace, DAY), examples_of(workspace, NEXT)
    found = held_out([train], [test], workspace.config)
    names = [user.query.user_id for user in found.users]
    assert dict(zip(names, found.asked.is_new.tolist(), strict=True)) == {
        "anna": False,
        "ben": False,
        "dora": True,
    }
    assert found.asked.columns["country"] == ["SE", "SE", "SE"]
    assert found.impressions is not None
    assert found.impressions.asked.is_new.sum() == 1


def test_impressions_are_those_of_all_days_with_what_was_known_of_each_request(
    tmp_path: Path,
) -> None:
    workspace = with_impressions(tmp_path)
    days = [examples_of(workspace, day) for day in (DAY, NEXT)]
    shown = held_out([], days, workspace.config).impressions
    assert shown is not None
    assert shown.app_ids == ["a", "b"] * 5
    assert shown.labels.tolist() == [True, False] * 5
    asked = shown.queries.take(shown.query_rows)
    assert asked["request_id"].to_pylist() == shown.rows["request_id"].to_pylist()
    anna, ben, again, _, dora = shown.users[::2].tolist()
    assert anna == again and len({anna, ben, dora}) == 3
    # Anna had two apps, and on the second day the one that she installed on the first.
    assert shown.asked.num_installed[shown.query_rows[[0, 4]]].tolist() == [2, 3]


def test_fewer_users_have_all_of_their_impressions(tmp_path: Path) -> None:
    workspace = with_impressions(tmp_path, evaluation={"max_users": 2})
    shown = held_out([], [examples_of(workspace, NEXT)], workspace.config).impressions
    assert shown is not None
    assert len(set(shown.users.tolist())) == 2
    assert shown.app_ids == ["a", "b"] * 2


def test_where_every_example_is_an_install_there_are_no_impressions(tmp_path: Path) -> None:
    workspace = logs(tmp_path)
    found = held_out([], [examples_of(workspace, DAY)], workspace.config)
    assert found.impressions is None
