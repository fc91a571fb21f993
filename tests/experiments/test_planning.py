"""Plans of experiments by the logs of a store made by hand."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from daily_logs import make_workspace, request, write_log

from recsys.errors import BadInput
from recsys.experiments.planning import LIFTS, Plan, planned
from recsys.workspace import Workspace

START = dt.date(2025, 3, 3)
NUM_DAYS, NUM_USERS = 6, 80
ARMS = {"control": {"share": 0.5}, "b": {"share": 0.5}}


def day(number: int) -> dt.date:
    return START + dt.timedelta(days=number)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users of whom every other has a phone, the first half a snapshot, and the last ten come on
    the last day alone."""
    workspace = make_workspace(tmp_path_factory.mktemp("logs"))
    rng = np.random.default_rng(3)
    habit = rng.gamma(1.0, 1.0, NUM_USERS)
    write_log(
        workspace,
        "users",
        START,
        [{"user_id": f"u{user}", "age_band": "18-24"} for user in range(NUM_USERS // 2)],
    )
    for number in range(NUM_DAYS):
        noon = dt.datetime.combine(day(number), dt.time(12), dt.UTC)
        here = range(NUM_USERS if number == NUM_DAYS - 1 else NUM_USERS - 10)
        asked = [
            request(f"{number}-{user}", f"u{user}", noon, device=("phone", "tv")[user % 2])
            for user in here
        ]
        write_log(workspace, "requests", day(number), asked)
        installs = [
            {
                "event_id": f"{number}-{user}-{nth}",
                "user_id": f"u{user}",
                "app_id": "a",
                "time": noon,
                "kind": "install",
            }
            for user in here
            for nth in range(rng.poisson(habit[user]))
        ]
        write_log(workspace, "outcomes", day(number), installs)
    return workspace.logs


def plan(root: Path, logs: Path, until: dt.date | None = None, **values: Any) -> Plan:
    return planned(workspace_of(root, logs, **values), "x", until)


def workspace_of(root: Path, logs: Path, **values: Any) -> Workspace:
    workspace = make_workspace(root, experiments={"x": {"arms": ARMS, **values}})
    shutil.copytree(logs, workspace.logs)
    return workspace


def users(found: Plan) -> list[int]:
    return [one.num_users for one in found.cuped]


def test_short_logs_are_cut_in_half(tmp_path: Path, logs: Path) -> None:
    found = plan(tmp_path, logs)
    assert (list(found.days), found.num_days_before) == ([day(3), day(4), day(5)], 3)
    assert users(found) == [70, 70, 80]
    lifts = [one.detectable_lift for one in found.cuped]
    assert lifts[-1] < found.raw[-1].detectable_lift
    assert [one.lift for one in found.needed] == list(LIFTS)
    assert found.needed[0].num_users > found.needed[1].num_users > found.needed[2].num_users > 80
    assert all(one.num_days is None for one in found.needed)


def test_long_logs_are_used_from_their_end(tmp_path: Path, logs: Path) -> None:
    found = plan(tmp_path, logs, horizon_days=2, covariate_days=1)
    assert (list(found.days), found.num_days_before) == ([day(4), day(5)], 1)
    early = plan(tmp_path / "early", logs, day(3), horizon_days=2, covariate_days=0)
    assert (list(early.days), early.num_days_before) == ([day(2), day(3)], 0)
    assert early.raw == early.cuped


def test_a_gap_ends_what_is_gone_by(tmp_path: Path, logs: Path) -> None:
    workspace = workspace_of(tmp_path, logs, covariate_days=1)
    shutil.rmtree(workspace.day("requests", day(2)))
    found = planned(workspace, "x")
    assert (list(found.days), found.num_days_before) == ([day(4), day(5)], 1)


@pytest.mark.parametrize(
    ("values", "num_users"),
    [
        ({"eligible": {"device": ["phone"]}}, 40),
        ({"eligible": {"age_band": ["18-24"]}}, 40),
        ({"eligible": {"device": ["tv"], "age_band": ["18-24"]}}, 20),
        ({"users": "known"}, 40),
        ({"users": "new"}, 40),
        ({"ramp": 0.5}, 40),
        ({"buckets": [0, 250]}, 20),
    ],
)
def test_only_the_users_that_the_experiment_would_get_count(
    tmp_path: Path, logs: Path, values: dict[str, Any], num_users: int
) -> None:
    assert users(plan(tmp_path, logs, **values))[-1] == num_users


def test_a_plan_is_json_with_null_for_what_no_number_tells(tmp_path: Path, logs: Path) -> None:
    found = plan(tmp_path, logs, primary="clicks_per_user")  # nobody clicks
    values = json.loads(json.dumps(found.values(), allow_nan=False))
    assert values["cuped"][-1]["detectable_lift"] is None
    assert values["needed"][0]["num_users"] is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"eligible": {"shoe_size": ["9"]}}, "eligible names the column 'shoe_size'"),
        ({"eligible": {"device": ["fridge"]}}, "nobody who asked from 2025-03-06 to 2025-03-08"),
        ({"primary": "latency_ms_p95_of_users"}, "a quantile, expected a mean or a ratio"),
        ({"primary": "latency_ms_mean"}, "is of column 'latency_ms', the outcomes have"),
    ],
)
def test_what_can_not_be_planned_is_said(
    tmp_path: Path, logs: Path, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        plan(tmp_path, logs, **values)


def test_a_workspace_without_logs_or_experiment_says_so(tmp_path: Path, logs: Path) -> None:
    with pytest.raises(BadInput, match=r"has no requests up to 2025-03-02, expected days"):
        plan(tmp_path, logs, START - dt.timedelta(days=1))
    with pytest.raises(BadInput, match=r"'y' is not in recsys.toml, expected one of x"):
        planned(Workspace(tmp_path), "y")
    with pytest.raises(BadInput, match="expected a declared one"):
        planned(make_workspace(tmp_path / "none"), "x")
