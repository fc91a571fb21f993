import datetime as dt
import inspect
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from daily_logs import DAY, make_workspace, request, write_log
from daily_logs import at as hour

from pipeline import artifacts, components, graph
from pipeline.orchestration import jobs
from pipeline.spans import days_of_logs, offsets, window
from pipeline.store import Store
from recsys.errors import BadInput
from recsys.workspace import Workspace

DAYS = [DAY + dt.timedelta(days=i) for i in range(5)]


def with_days(root: Path, days: list[dt.date], **examples: object) -> Workspace:
    workspace = make_workspace(root, examples=examples)
    for day in days:
        write_log(workspace, "requests", day, [request(f"r{day}", "u", hour(1, day))])
    return workspace


def parents(assets: list[dg.AssetsDefinition]) -> dict[str, set[str]]:
    return {
        asset.key.to_user_string(): {key.to_user_string() for key in asset.dependency_keys}
        for asset in assets
    }


def test_the_graph_is_tfxs_top_to_bottom(tmp_path: Path) -> None:
    assets = graph.assets_of(Store(with_days(tmp_path, DAYS)))
    assert parents(assets) == {
        "example_gen": set(),
        "statistics_gen": {"example_gen"},
        "schema_gen": {"statistics_gen"},
        "skew_gen": {"example_gen"},
        "example_validator": {
            *("statistics_gen", "schema_gen", "skew_gen"),
            "example_validator",  # of the days before
        },
        "transform": {"example_gen", "example_validator"},
        "trainer_retrieval": {"transform"},
        "trainer_ranking": {"transform", "trainer_retrieval"},
        "bundle_gen": {"example_gen", "trainer_retrieval", "trainer_ranking"},
        "infra_validator": {"bundle_gen", "example_gen"},
        "evaluator": {"infra_validator", "example_gen"},
        "pusher": {"bundle_gen", "infra_validator", "evaluator"},
    }
    names = [asset.key.to_user_string() for asset in assets]
    assert sorted(names) == sorted(components.__all__)


def test_the_graph_fits_on_one_screen() -> None:
    assert len(inspect.getsource(graph.assets_of).splitlines()) <= 105


def test_every_day_of_the_logs_is_a_partition_whatever_the_clock_says(tmp_path: Path) -> None:
    assets = graph.assets_of(Store(with_days(tmp_path, DAYS)))
    for asset in assets:
        assert asset.partitions_def is not None
        keys = asset.partitions_def.get_partition_keys(dynamic_partitions_store=None)
        assert keys == [day.isoformat() for day in DAYS]


def test_what_is_trained_on_lies_before_what_is_tested_on(tmp_path: Path) -> None:
    workspace = with_days(tmp_path, DAYS, window_days=2, test_days=2)
    assert window(workspace, DAYS[4]) == (DAYS[1:3], DAYS[3:5])
    assert window(workspace, DAYS[2]) == (DAYS[0:1], DAYS[1:3])
    assert window(workspace, DAYS[1]) == ([], DAYS[0:2])
    first, first_test = offsets(workspace.config.examples)
    assert [DAYS[4] + dt.timedelta(days=n) for n in (first, first_test)] == [DAYS[1], DAYS[3]]


def test_a_day_without_logs_is_no_day_of_a_window(tmp_path: Path) -> None:
    workspace = with_days(tmp_path, [DAYS[0], DAYS[3], DAYS[4]], window_days=3)
    assert window(workspace, DAYS[4]) == ([DAYS[3]], [DAYS[4]])


def test_a_random_split_takes_one_day_for_both(tmp_path: Path) -> None:
    workspace = with_days(tmp_path, DAYS[:1], split="random")
    assert window(workspace, DAYS[0]) == (DAYS[:1], DAYS[:1])


def test_logs_without_a_day_are_one_sentence(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    with pytest.raises(BadInput, match="holds no day of requests: `recsys data generate`"):
        days_of_logs(workspace)


def test_the_page_of_dagster_shows_both_jobs(tmp_path: Path) -> None:
    whole = jobs.definitions(Store(with_days(tmp_path, DAYS)))
    data = whole.resolve_job_def(jobs.DATA)
    names = {key.to_user_string() for key in data.asset_layer.executable_asset_keys}
    assert names == {artifact.component for artifact in artifacts.DATA}
    assert whole.resolve_job_def(jobs.PIPELINE)


def test_dagsters_own_commands_open_the_definitions(tmp_path: Path) -> None:
    with_days(tmp_path, DAYS)
    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    environment |= {"RECSYS_WORKSPACE": str(tmp_path), "DAGSTER_HOME": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "dagster",
        "asset",
        "list",
        "-m",
        "pipeline.orchestration.definitions",
    ]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == sorted(components.__all__)
