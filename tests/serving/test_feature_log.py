from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_store import FakeRecommender, eventually, publish, server, wait_for, workspace_at
from prometheus_client.parser import text_string_to_metric_families

from recsys import config, served_features
from recsys.query import Query
from recsys.recommender import Page
from recsys.workspace import Workspace, write_atomically
from serving import feature_log
from serving.feature_log import _PAGES_AT_ONCE, FeatureLog
from serving.metrics import Metrics
from serving.versions import Versions

NIGHT = dt.datetime(2024, 3, 14, 23, 59, 59, tzinfo=dt.UTC)


def configured(root: Path, **serving: Any) -> Workspace:
    """The fake store's workspace, its server configured as told."""
    workspace = workspace_at(root)
    values = config.parse({"extends": "tiny", "serving": serving}, "test")
    (root / config.FILE_NAME).write_text(config.render(values))
    publish(workspace, "v1")
    return workspace


def logged(workspace: Workspace) -> list[dict[str, Any]]:
    """All rows of the log, as a reader finds them."""
    days = (workspace.serving / "features").glob("day=*")
    rows: list[dict[str, Any]] = []
    for day in sorted(dt.date.fromisoformat(path.name.removeprefix("day=")) for path in days):
        for paths in served_features.files(workspace, day).values():
            for path in paths:
                rows += pq.ParquetFile(path).read().to_pylist()
    return rows


def metric(url: str, name: str) -> float:
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return sum(s.value for family in families for s in family.samples if s.name == name)


def ask(url: str, count: int, **body: Any) -> list[dict[str, Any]]:
    with httpx.Client(base_url=url) as client:
        asked = {"user_id": "u003", **body}
        answers = [client.post("/v1/recommend", json=asked) for _ in range(count)]
    return [answer.raise_for_status().json() for answer in answers]


def test_a_served_page_is_in_the_log_with_what_it_was_made_of(tmp_path: Path) -> None:
    workspace = configured(tmp_path)
    with server(workspace) as url:
        wait_for(url)
        [answer] = ask(url, 1, k=3, context={"country": "DE", "surface": "search"})
    [row] = logged(workspace)
    assert row["request_id"] == answer["request_id"]
    assert (row["user_id"], row["bundle"], row["k"]) == ("u003", "v1", 3)
    assert row["app_ids"] == [item["app_id"] for item in answer["items"]]
    assert row["scores"] == pytest.approx([item["score"] for item in answer["items"]])
    assert row["features"] == {
        "installed_app_ids": ["com.example.app00", "com.example.app01", "com.example.app02"],
        "country": "DE",  # what the request says, over the user's own NO
        "language": "de",
        "device": "tablet",
        "age_band": "25-34",
        "surface": "search",
        "time": row["time"].replace(microsecond=0),
    }


def test_pages_reach_the_disk_while_the_server_runs(tmp_path: Path) -> None:
    workspace = configured(tmp_path, feature_log_seconds=0.3)
    with server(workspace) as url:
        wait_for(url)
        answers = ask(url, 5)
        eventually(lambda: metric(url, "recsys_feature_log_pages_total") == 5, seconds=10)
        assert metric(url, "recsys_feature_log_queue") == 0
        ids = [answer["request_id"] for answer in answers]
        assert [row["request_id"] for row in logged(workspace)] == ids


def test_of_a_share_the_rest_is_not_logged(tmp_path: Path) -> None:
    workspace = configured(tmp_path, feature_log_share=0.5)
    with server(workspace) as url:
        wait_for(url)
        ids = {answer["request_id"] for answer in ask(url, 60)}
    assert {row["request_id"] for row in logged(workspace)} == {
        name for name in ids if served_features.is_logged(name, 0.5)
    }


@pytest.mark.parametrize("num_pages", [_PAGES_AT_ONCE, _PAGES_AT_ONCE + 1])
def test_all_pages_of_a_large_file_are_there_once(tmp_path: Path, num_pages: int) -> None:
    """A file is written some pages at a time: the last of them may be one page alone."""
    workspace = configured(tmp_path)
    log, _ = log_of(workspace)
    ids = [f"r{number}" for number in range(num_pages)]
    for request_id in ids:
        note(log, request_id, NIGHT)
    with log.writing():
        pass
    [path] = served_features.files(workspace, NIGHT.date())["v1"]
    assert [row["request_id"] for row in rows_of(path)] == ids
    assert pq.ParquetFile(path).num_row_groups == -(-num_pages // _PAGES_AT_ONCE)


def test_a_full_queue_drops_pages_and_counts_them(tmp_path: Path) -> None:
    workspace = configured(tmp_path, feature_log_capacity=3)
    log, metrics = log_of(workspace)
    for number in range(10):
        note(log, f"r{number}", NIGHT)
    dropped = metrics.registry.get_sample_value(
        "recsys_feature_log_dropped_total", {"reason": "full"}
    )
    assert dropped == 7
    assert metrics.registry.get_sample_value("recsys_feature_log_queue") == 3
    with log.writing():
        pass
    assert [row["request_id"] for row in logged(workspace)] == ["r0", "r1", "r2"]
    assert metrics.registry.get_sample_value("recsys_feature_log_queue") == 0


def test_a_disk_that_refuses_costs_no_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = configured(tmp_path, feature_log_seconds=0.2)
    in_the_way = workspace.serving / "features"
    with server(workspace) as url, caplog.at_level(logging.ERROR, "serving.feature_log"):
        wait_for(url)
        in_the_way.write_text("no folder can be made here")
        ask(url, 2)
        eventually(lambda: metric(url, "recsys_feature_log_failures_total") == 1)
        ask(url, 2)
        eventually(lambda: metric(url, "recsys_feature_log_failures_total") == 2)
        assert metric(url, "recsys_feature_log_dropped_total") == 4
        [told] = [record for record in caplog.records if record.name == "serving.feature_log"]
        assert "features of 2 served pages are not logged" in told.message
        in_the_way.unlink()
        [answer] = ask(url, 1)
    assert [row["request_id"] for row in logged(workspace)] == [answer["request_id"]]


def test_a_page_lies_under_its_own_day_and_bundle(tmp_path: Path) -> None:
    workspace = configured(tmp_path)
    log, _ = log_of(workspace)
    note(log, "yesterday", NIGHT)
    note(log, "today", NIGHT + dt.timedelta(seconds=1))
    note(log, "newer", NIGHT + dt.timedelta(seconds=2), version="v2")
    abroad = dt.timezone(dt.timedelta(hours=-8))
    note(log, "abroad", (NIGHT + dt.timedelta(seconds=3)).astimezone(abroad), version="v2")
    with log.writing():
        pass
    found = {
        (day.day, version): [row["request_id"] for path in paths for row in rows_of(path)]
        for day in (NIGHT.date(), NIGHT.date() + dt.timedelta(days=1))
        for version, paths in served_features.files(workspace, day).items()
    }
    assert found == {
        (14, "v1"): ["yesterday"],
        (15, "v1"): ["today"],
        (15, "v2"): ["newer", "abroad"],
    }


def test_a_page_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    workspace = configured(tmp_path)
    log, metrics = log_of(workspace)
    note(log, "before", NIGHT)
    odd = FakeRecommender("v2")
    of_nothing = Page((), np.empty(0, np.int64), {})
    log.log("odd", Query("u001", NIGHT), of_nothing, odd)
    note(log, "after", NIGHT)
    with log.writing():
        pass
    assert {row["request_id"] for row in logged(workspace)} == {"before", "after"}
    failed = {"reason": "failed"}
    assert metrics.registry.get_sample_value("recsys_feature_log_dropped_total", failed) == 1
    assert metrics.registry.get_sample_value("recsys_feature_log_failures_total") == 1
    assert metrics.registry.get_sample_value("recsys_feature_log_pages_total") == 2


def test_a_file_takes_what_nobody_wants_and_then_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = configured(tmp_path)
    policies = []

    def slowly(path: Path, content: bytes) -> None:
        policies.append(os.sched_getscheduler(0))
        eventually(lambda: os.sched_getscheduler(0) == os.SCHED_OTHER)
        write_atomically(path, content)

    monkeypatch.setattr(feature_log, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(feature_log, "write_atomically", slowly)
    log, _ = log_of(workspace)
    note(log, "first", NIGHT)
    note(log, "second", NIGHT, version="v2")
    with log.writing():
        pass
    assert policies == [os.SCHED_IDLE] * 2
    assert {row["request_id"] for row in logged(workspace)} == {"first", "second"}


def test_a_killed_writer_leaves_whole_files(tmp_path: Path) -> None:
    workspace = configured(tmp_path, feature_log_seconds=0.02)
    code = f"""
        import pathlib, time
        from test_feature_log import NIGHT, log_of, note
        from recsys.workspace import Workspace, write_atomically
        log, _ = log_of(Workspace(pathlib.Path({str(tmp_path)!r})))
        with log.writing():
            for number in range(10**9):
                note(log, f"r{{number}}", NIGHT)
                time.sleep(0.0005)
    """
    here = Path(__file__).parent
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = {"PYTHONPATH": f"{here}:{here.parent / 'fakes'}:{here.parents[1]}"}
    with subprocess.Popen(command, env=environment) as writer:
        eventually(lambda: len(served_features.files(workspace, NIGHT.date()).get("v1", [])) >= 5)
        writer.send_signal(signal.SIGKILL)
    rows = logged(workspace)
    # What was lost is the end: nothing is missing before, and nothing is there twice.
    assert {row["request_id"] for row in rows} == {f"r{number}" for number in range(len(rows))}


def log_of(workspace: Workspace) -> tuple[FeatureLog, Metrics]:
    metrics = Metrics(Versions(workspace))
    return FeatureLog(workspace, metrics), metrics


def note(log: FeatureLog, request_id: str, time: dt.datetime, version: str = "v1") -> None:
    recommender = FakeRecommender(version)
    query = Query("u001", time, {"country": "NO"}, k=2)
    [page] = recommender.recommend([query])
    log.log(request_id, query, page, recommender)


def rows_of(path: Path) -> list[dict[str, Any]]:
    table: pa.Table = pq.ParquetFile(path).read()
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
