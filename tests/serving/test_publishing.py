from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fake_store import workspace_at
from typer.testing import CliRunner

from recsys import config
from recsys.__main__ import cli
from recsys.experiments.stored import logged_exposures
from recsys.query import Query
from recsys.tables import SCHEMAS, Table
from recsys.workspace import Workspace
from serving import publishing, request_ids
from serving.lmdb_store import LmdbUserStore
from serving.metrics import Metrics
from serving.request_log import RequestLog
from serving.user_store import Event, EventKind
from serving.versions import Versions

DAY = dt.date(2024, 3, 14)
NEXT = DAY + dt.timedelta(days=1)
NOON = dt.datetime(2024, 3, 14, 12, tzinfo=dt.UTC)
ONE = dt.timedelta(days=1)
AFTER = NOON + dt.timedelta(hours=14)


@pytest.fixture
def store(workspace: Workspace) -> Iterator[LmdbUserStore]:
    with contextlib.closing(LmdbUserStore(workspace.serving / "users")) as opened:
        yield opened


def asked(workspace: Workspace, *times: dt.datetime, **features: Any) -> list[str]:
    """Logs requests as a server does; returns their ids."""
    log = RequestLog(workspace, Metrics(Versions(workspace)))
    ids = [request_ids.new(time) for time in times]
    with log.syncing():
        for request_id, time in zip(ids, times, strict=True):
            log.log(request_id, Query("u001", time, features))
    return ids


def test_exposures_are_logged_beside_the_requests(
    workspace: Workspace, store: LmdbUserStore
) -> None:
    log = RequestLog(workspace, Metrics(Versions(workspace)))
    of_page = {"num_items": 20, "latency_ms": 2.5}
    exposed = {"experiment": "rankers", "arm": "wide", "bundle": "v2", **of_page}
    by_policy = {"experiment": "rankers", "arm": "popular", "bundle": None, **of_page}
    asked_by = [("u001", exposed), ("u002", None), ("u003", by_policy)]
    with log.syncing():
        for user_id, exposure in asked_by:
            log.log(request_ids.new(NOON), Query(user_id, NOON), exposure)
    publishing.publish(workspace, store, AFTER)
    found = [
        row
        for file in logged_exposures(workspace).files(DAY)
        for row in pq.read_table(file).to_pylist()
    ]
    asked = rows(workspace, "requests")
    assert [row["user_id"] for row in asked] == ["u001", "u002", "u003"]
    assert found == [
        {"request_id": asked[0]["request_id"], "user_id": "u001", **exposed, "time": NOON},
        {"request_id": asked[2]["request_id"], "user_id": "u003", **by_policy, "time": NOON},
    ]
    with log.syncing():
        log.log(request_ids.new(NOON), Query("u004", NOON), exposed)
    publishing.publish(workspace, store, AFTER)
    sizes = [pq.read_metadata(f).num_rows for f in logged_exposures(workspace).files(DAY)]
    assert sorted(sizes) == [1, 2]


def event(
    event_id: str,
    kind: EventKind,
    time: dt.datetime,
    request_id: str | None = None,
    position: int | None = None,
) -> Event:
    return Event(event_id, "u001", f"app of {event_id}", kind, time, request_id, position)


def rows(workspace: Workspace, table: Table, day: dt.date = DAY) -> list[dict[str, Any]]:
    files = workspace.files(table, day)
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def test_a_day_becomes_tables_when_it_is_over(workspace: Workspace, store: LmdbUserStore) -> None:
    home = {"country": "NO", "device": "phone", "surface": "home", "age_band": "25-34"}
    [page] = asked(workspace, NOON, **home)
    seen = NOON + dt.timedelta(minutes=1)
    shown, click = event("s", "impression", seen, page, 3), event("c", "click", seen, page)
    store.append([shown, click, event("i", "install", seen)])
    for too_early in (NOON, NOON + dt.timedelta(hours=12, minutes=59)):
        assert publishing.publish(workspace, store, too_early) == []
    assert len(publishing.publish(workspace, store, AFTER)) == 3
    assert publishing.published_through(workspace) == DAY
    columns = {"country": "NO", "language": None, "device": "phone", "surface": "home"}
    assert rows(workspace, "requests") == [
        {"request_id": page, "user_id": "u001", "time": NOON, **columns}
    ]
    assert rows(workspace, "impressions") == [
        {"request_id": page, "position": 3, "app_id": "app of s", "propensity": None}
    ]
    done = {"user_id": "u001", "time": seen}
    assert rows(workspace, "outcomes") == [
        {**done, "event_id": "c", "request_id": page, "app_id": "app of c", "kind": "click"},
        {**done, "event_id": "i", "request_id": None, "app_id": "app of i", "kind": "install"},
    ]
    for table in ("requests", "impressions", "outcomes"):
        [file] = workspace.files(table, DAY)
        assert pq.read_schema(file).equals(SCHEMAS[table])


def test_the_same_again_adds_nothing_and_more_adds_a_file(
    workspace: Workspace, store: LmdbUserStore
) -> None:
    asked(workspace, NOON)
    store.append([event("1", "click", NOON)])
    publishing.publish(workspace, store, AFTER)
    assert publishing.publish(workspace, store, AFTER) == []
    store.append([event("late", "click", NOON), event("new", "click", NOON + ONE)])
    assert publishing.publish(workspace, store, AFTER + ONE) != []
    assert [row["event_id"] for row in rows(workspace, "outcomes")] == ["1", "late"]
    assert [row["event_id"] for row in rows(workspace, "outcomes", NEXT)] == ["new"]
    assert len(workspace.files("requests", DAY)) == 1


def test_a_day_that_is_not_over_can_be_published_and_goes_on(
    workspace: Workspace, store: LmdbUserStore
) -> None:
    log = RequestLog(workspace, Metrics(Versions(workspace)))
    with log.syncing():
        for number in range(3):
            log.log(f"r{number}", Query("u001", NOON))
            publishing.publish(workspace, store, NOON, DAY)
        log.log("on the next day", Query("u001", NOON + ONE))
    publishing.publish(workspace, store, AFTER + ONE)
    assert [row["request_id"] for row in rows(workspace, "requests")] == ["r0", "r1", "r2"]
    [last] = rows(workspace, "requests", NEXT)
    assert last["request_id"] == "on the next day"


def test_impressions_belong_to_the_day_of_their_page(
    workspace: Workspace, store: LmdbUserStore
) -> None:
    midnight = dt.datetime(2024, 3, 15, tzinfo=dt.UTC)
    [page] = asked(workspace, midnight - dt.timedelta(seconds=5))
    later = midnight + dt.timedelta(seconds=5)
    shown = event("s", "impression", later, page, 1)
    store.append([shown, event("c", "click", later, page), event("x", "click", later + ONE, page)])
    publishing.publish(workspace, store, AFTER + 2 * ONE)
    assert [row["request_id"] for row in rows(workspace, "impressions")] == [page]
    # Of a page of the day before; of an older one, a click is no label any more.
    assert [row["request_id"] for row in rows(workspace, "outcomes", NEXT)] == [page]
    assert [row["request_id"] for row in rows(workspace, "outcomes", NEXT + ONE)] == [None]


def test_several_servers_have_a_file_each(workspace: Workspace, store: LmdbUserStore) -> None:
    both = asked(workspace, NOON) + asked(workspace, NOON, NOON)
    publishing.publish(workspace, store, AFTER)
    assert len(workspace.files("requests", DAY)) == 2
    assert {row["request_id"] for row in rows(workspace, "requests")} == {*both}


def test_a_torn_line_is_left_and_a_broken_one_skipped(
    workspace: Workspace, store: LmdbUserStore, caplog: pytest.LogCaptureFixture
) -> None:
    whole = asked(workspace, NOON, NOON)
    [journal] = (workspace.serving / "requests" / f"day={DAY}").iterdir()
    first, second = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(first + b"\0\0\n" + second + first[:40])
    publishing.publish(workspace, store, AFTER)
    assert [row["request_id"] for row in rows(workspace, "requests")] == whole
    assert "is no JSON" in caplog.text


def test_columns_that_requests_bring_for_features_are_logged(tmp_path: Path) -> None:
    workspace_at(tmp_path)
    tiny, in_requests = config.preset("tiny"), {"table": "requests", "models": ["deep"]}
    screen, dpi = (
        config.Feature.model_validate({**in_requests, "kind": kind})
        for kind in ("category", "number")
    )
    features = {**tiny.features, "screen": screen, "dpi": dpi}
    changed = tiny.model_copy(update={"features": features})
    (tmp_path / config.FILE_NAME).write_text(config.render(changed))
    workspace = Workspace(tmp_path)
    asked(workspace, NOON, screen=True, dpi=300)
    asked(workspace, NOON, screen="wide", dpi="many")
    with contextlib.closing(LmdbUserStore(tmp_path / "users")) as store:
        publishing.publish(workspace, store, AFTER)
    found = {(row["screen"], row["dpi"]) for row in rows(workspace, "requests")}
    assert found == {("true", 300.0), ("wide", None)}


def test_what_is_old_is_forgotten_once_it_is_published(
    workspace: Workspace, store: LmdbUserStore
) -> None:
    asked(workspace, NOON)
    store.append([event("1", "install", NOON), event("2", "click", NOON + 3 * ONE)])
    publishing.publish(workspace, store, AFTER + 6 * ONE)
    assert len(list(store.events_after(0))) == 2
    publishing.publish(workspace, store, AFTER + 8 * ONE)
    assert [found.event_id for _, found in store.events_after(0)] == ["2"]
    assert not list((workspace.serving / "requests").iterdir())
    assert len(rows(workspace, "requests")) == 1
    assert len(rows(workspace, "outcomes")) == 1


def test_a_publisher_that_dies_at_any_step_doubles_and_loses_nothing(tmp_path: Path) -> None:
    """Every move of a file is a step: what a killed one left is completed by the next."""
    for step in range(6):
        workspace = workspace_at(made(tmp_path / str(step)))
        [page] = asked(workspace, NOON)
        with contextlib.closing(LmdbUserStore(workspace.serving / "users")) as store:
            store.append([event("s", "impression", NOON, page, 1), event("c", "click", NOON, page)])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(publishing, "publish_file", partial(dying, [step]))
                patch.setattr(publishing, "write_atomically", partial(dying, [step - 3]))
                with contextlib.suppress(Killed):
                    publishing.publish(workspace, store, AFTER)
            # What is visible without all is stopped by the gate: a page's request is missing.
            if rows(workspace, "requests"):
                assert rows(workspace, "impressions") and rows(workspace, "outcomes")
            publishing.publish(workspace, store, AFTER)
            for table in ("requests", "impressions", "outcomes"):
                assert len(rows(workspace, table)) == 1, (step, table)


class Killed(BaseException):
    pass


def dying(left: list[int], source: Any, target: Any) -> None:
    """Publishes some files and dies before the next."""
    left[0] -= 1
    if left[0] < 0:
        raise Killed
    from recsys import workspace

    if isinstance(target, bytes):
        workspace.write_atomically(source, target)
    else:
        workspace.publish_file(source, target)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_the_command_publishes_a_day(workspace: Workspace, store: LmdbUserStore) -> None:
    asked(workspace, NOON)
    store.close()
    arguments = ["events", "publish", "--workspace", str(workspace.root), "--json"]
    said = CliRunner().invoke(cli, [*arguments, "--day", "2024-03-14"])
    assert said.exit_code == 0, said.output
    [(name, num_rows)] = json.loads(said.output.splitlines()[-1])["files"].items()
    assert (name.split("/served-")[0], num_rows) == ("logs/requests/day=2024-03-14", 1)
    again = CliRunner().invoke(cli, arguments)
    assert again.output.startswith("nothing new up to ")
    wrong = CliRunner().invoke(cli, [*arguments, "--day", "today"])
    assert "expected one like 2024-03-14" in str(wrong.exception)
