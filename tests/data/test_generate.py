from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data import generate as generation
from data.generate import generate, world_of
from recsys.config import Config, render
from recsys.errors import BadInput
from recsys.tables import SCHEMAS, TABLES, Table
from recsys.workspace import Workspace, digest_of_folder

FIRST = dt.date(2024, 3, 1)


def workspace_of(config: Config, root: Path) -> Workspace:
    root.mkdir()
    (root / "recsys.toml").write_text(render(config))
    return Workspace(root)


@pytest.fixture(scope="module")
def three_days(toy_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = workspace_of(toy_config, tmp_path_factory.mktemp("three") / "days")
    generate(workspace, 3)
    return workspace


def column(workspace: Workspace, table: Table, day: dt.date, name: str) -> list[Any]:
    rows = pq.read_table(workspace.files(table, day)[0], columns=[name], partitioning=None)
    values: list[Any] = rows[name].to_pylist()
    return values


def test_tables_have_their_schemas_and_no_other_columns(three_days: Workspace) -> None:
    for table in TABLES:
        assert three_days.days(table) == [FIRST + dt.timedelta(days=i) for i in range(3)]
        for day in three_days.days(table):
            (path,) = three_days.files(table, day)
            assert pq.read_schema(path).equals(SCHEMAS[table])


def test_keys_of_events_are_those_of_snapshots(three_days: Workspace) -> None:
    day = FIRST + dt.timedelta(days=2)
    apps = set(column(three_days, "apps", day, "app_id"))
    users = set(column(three_days, "users", day, "user_id"))
    requests = set(column(three_days, "requests", day, "request_id"))
    assert set(column(three_days, "impressions", day, "app_id")) <= apps
    assert set(column(three_days, "impressions", day, "request_id")) <= requests
    assert set(column(three_days, "outcomes", day, "request_id")) <= requests
    assert set(column(three_days, "requests", day, "user_id")) <= users
    events = column(three_days, "outcomes", day, "event_id")
    assert len(events) == len(set(events)) > 0
    assert set(column(three_days, "outcomes", day, "kind")) == {"click", "install", "uninstall"}
    assert set(column(three_days, "requests", day, "surface")) == {"home", "search"}


def test_events_happen_on_their_day(three_days: Workspace) -> None:
    for table in ("requests", "outcomes"):
        times = column(three_days, table, FIRST, "time")
        assert times == sorted(times)
        assert {time.date() for time in times} == {FIRST}


def test_snapshots_take_in_what_the_day_before_did(three_days: Workspace) -> None:
    kinds = column(three_days, "outcomes", FIRST, "kind")
    counted = [
        sum(column(three_days, "apps", day, "num_installs")) for day in three_days.days("apps")
    ]
    assert counted[1] - counted[0] == kinds.count("install")
    owned = [
        sum(len(apps) for apps in column(three_days, "users", day, "installed_app_ids"))
        for day in three_days.days("users")
    ]
    assert owned[1] - owned[0] == kinds.count("install") - kinds.count("uninstall")


def test_the_same_seed_gives_the_same_bytes_and_more_days_change_none(
    toy_config: Config, three_days: Workspace, tmp_path: Path
) -> None:
    world = toy_config.world.model_copy(update={"num_days": 9})
    longer = toy_config.model_copy(update={"world": world})
    other = workspace_of(longer, tmp_path / "other")
    generate(other, 2)
    for table in TABLES:
        for day in other.days(table):
            assert digest_of_folder(other.day(table, day)) == digest_of_folder(
                three_days.day(table, day)
            )


def test_a_run_that_stopped_in_a_day_resumes_with_the_same_bytes(
    toy_workspace: Workspace, three_days: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def killed(*args: object) -> None:
        raise Killed

    generate(toy_workspace, 1)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(generation, "write_events", killed)
        generate(toy_workspace, 3)
    assert len(toy_workspace.days("users")) == 2 and len(toy_workspace.days("outcomes")) == 1
    totals = generate(toy_workspace, 3)
    assert totals.days == 2
    assert digest_of_folder(toy_workspace.logs) == digest_of_folder(three_days.logs)


def test_days_that_are_there_are_left_alone(three_days: Workspace) -> None:
    before = digest_of_folder(three_days.logs)
    assert generate(three_days, 2).days == 0
    assert digest_of_folder(three_days.logs) == before


def test_the_world_file_only_identifies(three_days: Workspace, toy_config: Config) -> None:
    content = json.loads((three_days.logs / "world.json").read_text())
    assert content == {"digest": generation.world_digest(toy_config)}


def test_logs_of_another_world_are_refused_unless_replaced(
    toy_config: Config, three_days: Workspace, tmp_path: Path
) -> None:
    workspace = workspace_of(toy_config, tmp_path / "mixed")
    generate(workspace, 1)
    other = toy_config.model_copy(update={"seed": 8})
    (workspace.root / "recsys.toml").write_text(render(other))
    changed = Workspace(workspace.root)
    with pytest.raises(BadInput, match="another seed"):
        generate(changed, 2)
    with pytest.raises(BadInput, match="another seed"):
        world_of(changed)
    generate(changed, 1, force=True)
    assert digest_of_folder(changed.day("users", FIRST)) != digest_of_folder(
        three_days.day("users", FIRST)
    )


def test_tables_that_were_not_generated_are_never_mixed_in(toy_workspace: Workspace) -> None:
    toy_workspace.day("requests", FIRST).mkdir(parents=True)
    with pytest.raises(BadInput, match="were not generated"):
        generate(toy_workspace, 1)


def test_a_world_without_logs_is_a_clear_error(toy_workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="recsys data generate"):
        world_of(toy_workspace)


def test_progress_is_told_day_by_day(toy_workspace: Workspace) -> None:
    days: list[int] = []
    totals = generate(toy_workspace, 2, after_day=lambda totals: days.append(totals.days))
    assert days == [1, 2]
    assert totals.impressions_per_s > 0
    assert totals.impressions == sum(
        pq.read_metadata(
            toy_workspace.files("impressions", FIRST + dt.timedelta(days=i))[0]
        ).num_rows
        for i in range(2)
    )
