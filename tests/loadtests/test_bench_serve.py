from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest

from loadtests import (
    bench_serve,
    bundles,
    cores,
    inside,
    latency,
    serve_report,
    untrained_store,
    untrained_users,
    wrk,
)
from loadtests.arrivals import ANSWERS
from loadtests.measured_server import served
from loadtests.subject import Subject
from recsys import pushes
from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.features.spec import EMBEDDING
from recsys.recommender import Recommender
from recsys.stages import STAGES
from recsys.workspace import Workspace

NUM_APPS, NUM_USERS = 1_500, 120


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return untrained_store.kept(NUM_APPS, NUM_USERS, tmp_path_factory.mktemp("cache"))


def test_every_user_has_fifty_apps_of_the_catalogue(store: Workspace) -> None:
    [file] = store.files("users", store.days("users")[-1])
    users = pq.read_table(file).to_pylist()
    assert len({user["user_id"] for user in users}) == NUM_USERS
    for user in users:
        assert len(set(user["installed_app_ids"])) == untrained_users.NUM_INSTALLED
    known = {f"app-{number:07d}" for number in range(NUM_APPS)}
    assert {app_id for user in users for app_id in user["installed_app_ids"]} <= known


def test_what_was_made_is_used_again_until_its_code_changes(store: Workspace) -> None:
    cache = store.root.parents[1]
    bundle = store.bundles / str(pushes.current(store))
    made_of = bundle.resolve().parent / "made_of.json"
    sources = json.loads(made_of.read_text())
    assert {"loadtests/untrained.py", "recsys/bundle.py"} <= sources.keys()
    before = made_of.stat().st_ino
    assert untrained_store.kept(NUM_APPS, NUM_USERS, cache).root == store.root
    assert made_of.stat().st_ino == before
    assert [path.name for path in store.bundles.iterdir() if path.is_symlink()] == [bundle.name]
    assert bundles.is_fresh(made_of)
    elsewhere = cache / "made_of.json"
    elsewhere.write_text(json.dumps({**sources, "recsys/bundle.py": "another digest"}))
    assert not bundles.is_fresh(elsewhere)
    elsewhere.write_text(json.dumps({**sources, "recsys/gone.py": "a digest"}))
    assert not bundles.is_fresh(elsewhere)


def test_apps_lie_around_the_queries_of_the_users_as_if_towers_were_trained(
    store: Workspace,
) -> None:
    subject = Subject.made(store)
    bundle = Bundle.load(subject.bundle)
    queries = subject.queries(50)
    assert {query.user_id for query in queries} == set(subject.user_ids()[:50])
    apps = np.asarray(bundle.app_features()[EMBEDDING])
    np.testing.assert_allclose(np.linalg.norm(apps, axis=1), 1, rtol=1e-5)
    cosines = Recommender(bundle).vectors(queries) @ apps.T
    assert cosines.max(axis=1).mean() > 0.75 > cosines.mean() + 0.2


def test_it_measures_the_server_an_empty_endpoint_and_the_plain_way(store: Workspace) -> None:
    figures = bench_serve.bench(Subject.made(store), seconds=3, has_plain=True)
    summary = bench_serve.summary(figures)
    assert summary.keys() == {
        *("num_apps", "trained", "requests_per_s_per_core", "echo_requests_per_s_per_core"),
        *("echo_ratio", "p50_ms_at_70pct", "p95_ms_at_70pct", "p99_ms_at_70pct"),
        *("p999_ms_at_70pct", "ann_recall_at_200", "stages_us"),
    }
    assert (summary["num_apps"], summary["trained"]) == (NUM_APPS, False)
    assert summary["ann_recall_at_200"] == 1  # so few apps are searched one by one
    assert summary["stages_us"].keys() == set(STAGES)
    assert summary["echo_ratio"] > 0
    assert 0 < summary["p50_ms_at_70pct"] <= summary["p999_ms_at_70pct"]
    assert 100 < figures["candidates_per_request"] < 300
    for name in ("server", "echo", "plain"):
        one = figures[name]
        num_answered = one["at_rate"]["num_requests"] - one["at_rate"]["num_not_answered"]
        assert sum(count for _, count in one["at_rate"]["histogram"]) >= num_answered > 0
    assert figures["other_generators"]["locust"]["num_requests"] > 0
    assert (figures["other_generators"]["wrk"] is not None) == wrk.is_installed()
    table = serve_report.table(figures)
    assert "| empty endpoint |" in table and "| the plain way |" in table
    assert "<svg" in serve_report.plot(figures)


def test_the_plain_way_gives_whole_pages_without_what_is_installed(
    store: Workspace, tmp_path: Path
) -> None:
    workspace = Subject.made(store).beside(tmp_path / "workspace")
    [file] = store.files("users", store.days("users")[-1])
    user = pq.read_table(file).slice(7, 1).to_pylist()[0]
    (tmp_path / "users").write_text(user["user_id"])
    with served(workspace, bench_serve.PLAIN, str(tmp_path / "users")) as url:
        page = httpx.post(f"{url}/v1/recommend", json={"user_id": user["user_id"]}, timeout=60)
    items = page.raise_for_status().json()["items"]
    assert len({item["app_id"] for item in items}) == 20
    assert not {item["app_id"] for item in items} & set(user["installed_app_ids"])
    scores = [item["score"] for item in items]
    assert scores == sorted(scores, reverse=True)


def test_what_cannot_be_measured_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no bundle serves"):
        Subject.of(Workspace(tmp_path))


def test_a_histogram_loses_no_answer_and_is_as_fine_as_it_says() -> None:
    taken = np.array([1.0, 1.02, 3.0, 100.0])
    counted = latency.histogram(taken)
    assert sum(count for _, count in counted) == 4
    assert counted[0] == (1.0, 1)
    for milliseconds in taken:
        edge = min(edge for edge, _ in counted if edge >= milliseconds - 1e-9)
        assert edge <= milliseconds * 2 ** (1 / 16)


def test_latency_counts_from_when_a_request_was_due() -> None:
    answers = np.array([(0, 200, 1.0, 1.5, 1.75)], ANSWERS)
    assert latency.latencies_ms(answers).tolist() == [750.0]
    assert latency.quantiles(latency.latencies_ms(answers)) == dict.fromkeys(
        latency.QUANTILES, 750.0
    )


def test_a_plot_says_how_rare_it_is_to_wait_longer() -> None:
    one = {"histogram": [(1.0, 90), (2.0, 9), (4.0, 1)]}
    figures: dict[str, Any] = {name: {"at_rate": one} for name in ("server", "echo")}
    assert "M0" in serve_report.plot(figures)
    rare = serve_report.slower(one["histogram"])
    assert [value for point in rare for value in point] == pytest.approx([1, 1, 2, 2])


def test_what_starts_on_a_core_stays_there_and_the_starter_does_not() -> None:
    import os

    before = os.sched_getaffinity(0)
    with contextlib.suppress(KeyError), cores.started_on(cores.SERVER):
        assert os.sched_getaffinity(0) == {cores.SERVER}
        raise KeyError
    assert os.sched_getaffinity(0) == before


def test_the_recall_is_that_of_the_index_against_every_app(store: Workspace) -> None:
    figures = inside.measured(Subject.made(store))
    assert figures["ann_recall_at_200"] == 1
    assert figures["index"] == "brute_force"
