"""Which bundles a server holds, and what it tells of them."""

from __future__ import annotations

import datetime as dt
import gc
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
from fake_store import FakeRecommender, eventually, load_fake, publish, server, wait_for

from recsys import pushes
from recsys.errors import BadInput
from recsys.query import Query
from recsys.recommender import Page
from recsys.registry import servers
from recsys.workspace import Workspace
from serving.versions import Versions


class Loading:
    """Loads fakes, and knows how often it did and how many of them live."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.most_alive = 0
        self._refs: list[weakref.ref[FakeRecommender]] = []

    def __call__(self, folder: Path) -> FakeRecommender:
        recommender = load_fake(folder)
        self.loaded.append(recommender.version)
        self._refs.append(weakref.ref(recommender))
        self.most_alive = max(self.most_alive, self.num_alive)
        return recommender

    @property
    def num_alive(self) -> int:
        gc.collect()
        return sum(ref() is not None for ref in self._refs)


def test_going_back_takes_no_load(workspace: Workspace) -> None:
    publish(workspace, "v1")
    load = Loading()
    versions = Versions(workspace, load)
    versions.follow()
    publish(workspace, "v2")
    versions.follow()
    versions.rollback()
    assert versions.serving is not None
    assert versions.serving.version == "v1"
    pushes.make_current(workspace, "v2", "forth again")
    versions.follow()
    assert versions.serving.version == "v2"
    assert load.loaded == ["v1", "v2"]


def test_no_more_than_two_bundles_are_ever_in_memory(workspace: Workspace) -> None:
    load = Loading()
    versions = Versions(workspace, load)
    for version in ("v1", "v2", "v3", "v4"):
        publish(workspace, version)
        versions.follow()
        assert load.most_alive <= 2
    versions.activate("v1")
    assert load.loaded == ["v1", "v2", "v3", "v4", "v1"]
    assert load.num_alive == 2


def test_a_refusal_costs_nothing_that_serves(workspace: Workspace) -> None:
    publish(workspace, "v1")
    publish(workspace, "broken", whole=False, live=False)
    versions = Versions(workspace, Loading())
    versions.follow()
    with pytest.raises(BadInput, match="'broken' is refused"):
        versions.activate("broken")
    assert versions.serving is not None
    assert versions.serving.version == "v1"
    assert pushes.current(workspace) == "v1"
    assert [push.version for push in pushes.history(workspace)] == ["v1"]


def test_what_is_done_over_http_is_recorded_as_what_it_is(workspace: Workspace) -> None:
    publish(workspace, "v1")
    publish(workspace, "v2", live=False)
    versions = Versions(workspace, Loading())
    versions.follow()
    versions.activate("v2")
    versions.rollback()
    kinds = [(push.version, push.kind) for push in pushes.history(workspace)]
    assert kinds == [("v1", "push"), ("v2", "activation"), ("v1", "rollback")]
    assert pushes.withdrawn(pushes.history(workspace), "v2") is not None
    assert pushes.withdrawn(pushes.history(workspace), "v1") is None


def test_it_tells_what_it_serves_and_what_it_tries(workspace: Workspace) -> None:
    told: list[tuple[str | None, str | None]] = []
    versions = Versions(
        workspace, Loading(), lambda serving, trying: told.append((serving, trying))
    )
    publish(workspace, "v1")
    versions.follow()
    publish(workspace, "broken", whole=False)
    versions.follow()
    versions.follow()
    assert told == [(None, "v1"), ("v1", None), ("v1", "broken"), ("v1", None)]


def test_others_see_a_running_server(workspace: Workspace) -> None:
    publish(workspace, "v1")
    with server(workspace) as url:
        wait_for(url)
        [seen] = servers.running(workspace)
        assert (seen.serving, seen.loading) == ("v1", None)
        publish(workspace, "v2")
        eventually(lambda: servers.running(workspace)[0].serving == "v2")
    assert servers.running(workspace) == []


def test_the_old_one_goes_first_where_memory_is_short(workspace: Workspace) -> None:
    workspace.config_file.write_text('extends = "tiny"\n[serving]\nswap = "resources"\n')
    alive: list[int] = []
    load = Loading()

    def one_at_a_time(folder: Path) -> FakeRecommender:
        alive.append(load.num_alive)
        return load(folder)

    publish(workspace, "v1")
    publish(workspace, "broken", whole=False, live=False)
    versions = Versions(Workspace(workspace.root), one_at_a_time)
    versions.follow()
    publish(workspace, "v2")
    versions.follow()
    assert versions.serving is not None
    assert versions.serving.version == "v2"
    with pytest.raises(BadInput, match="'broken' is refused"):
        versions.activate("broken")
    assert versions.serving.version == "v2"
    assert alive == [0, 0, 0, 0]
    assert load.loaded == ["v1", "v2", "v2"]


def test_a_bundle_is_warmed_up_by_what_was_asked(workspace: Workspace) -> None:
    asked: list[str] = []

    class Noting(FakeRecommender):
        def recommend(self, queries: Sequence[Query]) -> list[Page]:
            asked.extend(query.user_id for query in queries)
            return super().recommend(queries)

    publish(workspace, "v1")
    now = dt.datetime.now(dt.UTC)
    recorded = [Query(user_id, now) for user_id in ("u1", "u2")]
    versions = Versions(workspace, lambda folder: Noting(folder.name), recorded=lambda: recorded)
    versions.follow()
    assert asked == ["u1", "u2"]
