"""A bundle in a process of its own, and what a server does with one."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from fake_store import eventually
from prometheus_client import CollectorRegistry

from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.query import Query
from recsys.recommender import Page, Recommender
from serving.aside import Aside
from serving.loading import IsolatedLoad
from serving.shadow import Shadow

NOW = dt.datetime(2024, 3, 14, 12, tzinfo=dt.UTC)
QUERY = Query("u1", NOW, {"country": "NO"}, ("a",), frozenset({"b"}), k=5)


def no_queries() -> list[Query]:
    return []


def test_it_shows_what_the_bundle_would(tiny_bundle: Bundle) -> None:
    [page] = Recommender(tiny_bundle).recommend([QUERY])
    aside = Aside(tiny_bundle.path)
    try:
        aside.wait()
        shelf = aside.ask(QUERY)
        assert shelf.app_ids == tuple(item.app_id for item in page.items)
        assert shelf.milliseconds > 0
        assert aside.ask(QUERY).app_ids == shelf.app_ids
    finally:
        aside.close()
    with pytest.raises(BadInput, match="ended with -9"):
        aside.ask(QUERY)


def test_a_damaged_bundle_is_refused_with_its_reason(tiny_bundle: Bundle, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))
    (copy / "index.faiss").write_bytes(b"torn")
    load = IsolatedLoad(no_queries, lambda: True)
    with pytest.raises(BadInput, match=r"the digest of index\.faiss"):
        load(copy)


def test_a_bundle_that_cannot_answer_what_was_asked_is_refused(tiny_bundle: Bundle) -> None:
    odd = Query("u1", NOW, {"country": 3.5, "age_band": ["a", "list"]})
    load = IsolatedLoad(lambda: [QUERY, odd], lambda: False)
    with pytest.raises(BadInput, match="no page of it"):
        load(tiny_bundle.path)


def test_a_server_that_stops_waits_for_no_load(tiny_bundle: Bundle) -> None:
    load = IsolatedLoad(lambda: [QUERY] * 100_000, lambda: True)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            load(tiny_bundle.path)
        except BadInput as error:
            failed.append(error)

    loading = threading.Thread(target=run)
    loading.start()
    time.sleep(0.2)
    load.close()
    loading.join(10)
    assert not loading.is_alive()
    assert len(failed) == 1


def test_a_shadow_compares_and_shows_nothing(tiny_bundle: Bundle) -> None:
    registry = CollectorRegistry()
    shadow = Shadow(registry)
    [page] = Recommender(tiny_bundle).recommend([QUERY])
    with shadow.running():
        shadow.offer(QUERY, page)  # there is none yet
        shadow.use(tiny_bundle.path)
        shadow.offer(QUERY, page)
        eventually(lambda: registry.get_sample_value("recsys_shadow_overlap_count") == 1)
        assert registry.get_sample_value("recsys_shadow_overlap_sum") == 1.0
        for _ in range(100):
            shadow.offer(QUERY, page)
        assert (
            registry.get_sample_value("recsys_shadow_missed_total", {"reason": "full"}) or 0
        ) > 0


def test_a_shadow_that_cannot_be_had_is_told_and_asked_no_more(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    shadow = Shadow(registry)
    with shadow.running():
        shadow.use(tmp_path / "missing")
        shadow.offer(QUERY, Page((), np.empty(0, np.int64), {}))
        eventually(lambda: bool(shadow.problem))
        assert "holds no bundle" in shadow.problem
        assert not shadow.is_wanted
        shadow.use(None)
        assert shadow.problem == ""
