from __future__ import annotations

import datetime as dt
import logging

import pytest
from fake_store import eventually

from recsys.query import Query
from recsys.workspace import Workspace
from serving import closing, publishing
from serving.closing import Closing
from serving.metrics import Metrics
from serving.request_log import RequestLog
from serving.versions import Versions


def test_a_day_that_is_over_is_published_without_being_asked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "_LOOK_SECONDS", 0.05)
    now = dt.datetime.now(dt.UTC)
    log = RequestLog(workspace, Metrics(Versions(workspace)))
    with log.syncing():
        log.log("before", Query("u001", now - dt.timedelta(days=3)))
        log.log("today", Query("u001", now))
    with Closing(workspace).running():
        eventually(lambda: publishing.published_through(workspace) is not None)
    assert workspace.days("requests") == [now.date() - dt.timedelta(days=3)]
    through = publishing.published_through(workspace)
    assert through is not None
    assert now.date() - through <= dt.timedelta(days=2)


def test_what_fails_is_said_and_tried_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(closing, "_LOOK_SECONDS", 0.05)
    in_the_way = workspace.logs / ".staged-served"
    (workspace.serving / "requests" / "day=never").mkdir(parents=True)
    with caplog.at_level(logging.ERROR, "serving.closing"), Closing(workspace).running():
        eventually(lambda: "is not published" in caplog.text)
        (workspace.serving / "requests" / "day=never").rmdir()
        eventually(lambda: publishing.published_through(workspace) is not None)
    assert not in_the_way.exists()
