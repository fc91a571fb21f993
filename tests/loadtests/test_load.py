from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_store import FakeRecommender, load_fake, publish, server, wait_for, workspace_at

from loadtests.load import run_load, summarised
from recsys.errors import BadInput
from recsys.recommender import Page, Query
from serving.lmdb_store import LmdbUserStore


class ShortOfApps(FakeRecommender):
    """Shows nothing to some and little to others."""

    @classmethod
    def load(cls, folder: Path) -> ShortOfApps:
        return cls(load_fake(folder).version)

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        pages = super().recommend(queries)
        kept = {"u000": 0, "u001": 3}
        return [
            replace(page, items=page.items[: kept.get(query.user_id, 20)])
            for query, page in zip(queries, pages, strict=True)
        ]


def test_percentiles_of_raw_requests() -> None:
    pages = [{"name": "/v1/recommend", "ms": float(ms), "error": None} for ms in range(1, 102)]
    others = [
        {"name": "/v1/events", "ms": 900.0, "error": None},
        {"name": "/v1/events", "ms": 900.0, "error": "status 503"},
    ]
    result = summarised([*pages, *others], 10, 4)
    assert (result.p50_ms, result.p95_ms, result.p99_ms) == (51.0, 96.0, 100.0)
    assert (result.num_requests, result.requests_per_s) == (101, 10.1)
    assert (result.num_failures, dict(result.failures)) == (1, {"status 503": 1})


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://10.0.0.7:8501", "127.0.0.1", "http://[2001:db8::1]:80"]
)
def test_only_this_machine_is_loaded(url: str) -> None:
    with pytest.raises(BadInput, match="not an address of this machine"):
        run_load(url)


def test_a_sound_server_fails_no_request(tmp_path: Path) -> None:
    users, raw = tmp_path / "users.txt", tmp_path / "raw.jsonl"
    users.write_text("u002\nu003\n")
    workspace = workspace_at(tmp_path)
    publish(workspace, "v1")
    with server(workspace) as url:
        wait_for(url)
        result = run_load(url, seconds=5, num_visitors=2, users_file=users, raw_file=raw)
    assert (result.num_failures, dict(result.failures)) == (0, {})
    assert 0 < result.p50_ms <= result.p95_ms <= result.p99_ms
    kept = [json.loads(line) for line in raw.read_text().splitlines()]
    assert sum(request["name"] == "/v1/recommend" for request in kept) == result.num_requests
    with contextlib.closing(LmdbUserStore(workspace.serving / "users")) as store:
        told = [event for _, event in store.events_after(0)]
    assert {event.user_id for event in told} <= {"u002", "u003"}


def test_empty_and_short_pages_are_failures(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path)
    publish(workspace, "v1")
    with server(workspace, ShortOfApps.load) as url:
        wait_for(url)
        result = run_load(url, seconds=2, num_visitors=2)
    reasons = " ".join(result.failures)
    assert "empty page" in reasons
    assert "3 apps, expected 20" in reasons
    assert result.num_failures == sum(result.failures.values()) < result.num_requests


def test_where_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="locust could not load"):
        run_load("http://127.0.0.1:9", seconds=1)
