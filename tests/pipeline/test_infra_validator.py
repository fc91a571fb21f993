"""A bundle is safe to serve, or is refused in words: with the real server, and with real damage."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from daily_logs import make_workspace
from fake_store import eventually
from tiny_pipeline import TinyPipeline

from pipeline.artifacts import REPORT, InfraBlessing, ModelBundle, TrainedRanking
from pipeline.bundle_gen import bundle_gen
from pipeline.infra import checks, probes
from pipeline.infra.checks import MAX_SCORE_DIFFERENCE
from pipeline.infra.probes import Plan, Probe
from pipeline.infra.questioning import Answer, Behaviour, percentile
from pipeline.infra.same_scores import compare
from pipeline.infra.server_process import ServerProcess, Unfit, server
from pipeline.infra_validator import infra_validator
from recsys.bundle import MANIFEST
from recsys.config import Infra, Serving
from recsys.recommender import Recommender

NOON = dt.datetime(2024, 3, 3, 12, tzinfo=dt.UTC)
PRODUCTION = Serving(user_store="redis://127.0.0.1:1/0", drain_seconds=600)
"""Servers that share a Redis, which a trial must leave alone: nobody answers there."""


def judged(tiny: TinyPipeline, bundle: ModelBundle, out: Path, **limits: Any) -> dict[str, Any]:
    """What the component says of a bundle; nothing but that is left of its trial."""
    infra = Infra(num_requests=100, **limits)
    settings = {"infra": infra, "serving": PRODUCTION}
    config = tiny.workspace.config.model_copy(update=settings)
    out.mkdir()
    infra_validator(bundle, [tiny.test], config, out)
    values = InfraBlessing(out, bundle.record).values
    page = [] if values["verdict"]["blessed"] else [REPORT]
    assert sorted(path.name for path in out.iterdir()) == [InfraBlessing.file, *page]
    assert servers_of(out) == []
    return values


def servers_of(folder: Path) -> list[str]:
    """Command lines of running processes that name a folder."""
    lines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    said = [line.replace(b"\0", b" ").decode() for line in lines]
    return [line for line in said if str(folder) in line]


def copied(bundle: ModelBundle, target: Path) -> ModelBundle:
    return ModelBundle(Path(shutil.copytree(bundle.path, target)), bundle.record)


@pytest.fixture(scope="module")
def blessed(tiny: TinyPipeline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tiny bundle's blessing."""
    return judged(tiny, tiny.bundle, tmp_path_factory.mktemp("infra") / "out")


def test_a_bundle_that_serves_as_it_should_is_blessed_with_its_figures(
    tiny: TinyPipeline, blessed: dict[str, Any]
) -> None:
    assert blessed["verdict"]["blessed"], blessed["verdict"]["reasons"]
    assert blessed["bundle"] == tiny.bundle.version
    measured = blessed["measured"]
    assert 0 < measured["p50_ms"] <= measured["p99_ms"]
    assert measured["load_seconds"] > 0
    assert measured["peak_memory_mib"] > 100
    assert measured["num_requests"] >= 50
    said = "\n".join(blessed["verdict"]["reasons"])
    assert "recorded requests failed; at most 0 % may" in said
    assert "0 of 32 odd and malformed requests were answered wrongly" in said
    assert f"pages differ by more than {MAX_SCORE_DIFFERENCE:g} from those computed offl" in said


def test_a_flipped_byte_is_found_by_the_server_and_told_in_its_words(
    tiny: TinyPipeline, tmp_path: Path
) -> None:
    damaged = copied(tiny.bundle, tmp_path / "copy")
    file = damaged.path / "index.faiss"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    verdict = judged(tiny, damaged, tmp_path / "out")["verdict"]
    assert not verdict["blessed"]
    [reason] = verdict["reasons"]
    assert reason.startswith(f"the server refused the bundle: bundles/{tiny.bundle.version}: ")
    assert "the digest of index.faiss is " in reason
    assert "the digest of index.faiss is " in (tmp_path / "out" / REPORT).read_text()


def test_scores_that_are_no_numbers_are_refused(tiny: TinyPipeline, tmp_path: Path) -> None:
    diverged = TrainedRanking(tmp_path / "ranking", tiny.ranking.record)
    shutil.copytree(tiny.ranking.path, diverged.path)
    for file in (diverged.path / "weights").glob("*.npy"):
        np.save(file, np.full_like(np.load(file), np.nan))
    bundle = ModelBundle(tmp_path / "bundle", tiny.bundle.record)
    bundle.path.mkdir()
    models, settings = (tiny.retrieval, diverged), tiny.workspace.config
    span = tiny.bundle.record.span
    bundle_gen(tiny.graph, *models, tiny.train, span, [], settings, bundle.path)
    verdict = judged(tiny, bundle, tmp_path / "out")["verdict"]
    assert not verdict["blessed"]
    said = " ".join(verdict["reasons"])
    assert "recorded requests failed; at most 0 % may: the recorded request of user" in said
    assert "was answered with scores that are no numbers" in said
    assert "a request with an unknown user was answered" in said


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"max_memory_mib": 20}, r"took \d+ MiB of memory while it loaded .*, at most 20 MiB is"),
        ({"max_load_seconds": 0.2}, r"was not ready within the 0.2 s that are allowed"),
    ],
)
def test_a_server_that_takes_too_much_while_it_loads_is_stopped_at_once(
    tiny: TinyPipeline, tmp_path: Path, limit: dict[str, Any], says: str
) -> None:
    verdict = judged(tiny, tiny.bundle, tmp_path / "out", **limit)["verdict"]
    assert not verdict["blessed"]
    [reason] = verdict["reasons"]
    assert re.search(says, reason)


def test_a_manifest_that_cannot_be_read_is_no_reason_to_crash(
    tiny: TinyPipeline, tmp_path: Path
) -> None:
    damaged = copied(tiny.bundle, tmp_path / "copy")
    (damaged.path / MANIFEST).write_text("{")
    values = judged(tiny, damaged, tmp_path / "out", max_load_seconds=0.2)
    assert values["bundle"] == f"{tiny.bundle.record.span}-unreadable"
    assert not values["verdict"]["blessed"]


def test_a_server_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "workspace")
    workspace.config_file.write_text("seed = -1\n")
    with (
        server(workspace) as run,
        pytest.raises(Unfit, match=r"ended with exit code 2 while it loaded .* seed = -1, expect"),
    ):
        run.wait_until_ready(Infra())


def test_a_server_that_is_killed_is_told_so(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "workspace")
    with server(workspace) as run:
        os.kill(run.process.pid, signal.SIGKILL)
        with pytest.raises(Unfit, match="ended with SIGKILL while it loaded the bundle"):
            run.wait_until_ready(Infra())


STARTS_A_SERVER = """
import sys, time
from pathlib import Path
from pipeline.infra.server_process import server
from recsys.workspace import Workspace

with server(Workspace(Path(sys.argv[1]))) as run:
    print(run.process.pid, flush=True)
    time.sleep(600)
"""


def test_a_server_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "workspace")
    command = [sys.executable, "-c", STARTS_A_SERVER, str(workspace.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        eventually(lambda: len(servers_of(workspace.root)) == 2)
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    eventually(lambda: servers_of(workspace.root) == [])


def test_the_last_words_are_the_last_complaint(tmp_path: Path) -> None:
    output = tmp_path / "server.log"
    process = ServerProcess(subprocess.Popen([sys.executable, "-c", ""]), output, httpx.Client())
    process.process.wait()
    raised = "Traceback ...:\n  File ...\nValueError: not a number"
    lines = [
        "listening at http://127.0.0.1:1234; loading users and the live bundle",
        json.dumps({"level": "warning", "message": "no page by ranked", "exception": raised}),
        json.dumps({"level": "info", "message": "request"}),
    ]
    told = ["nothing", lines[0], "no page by ranked ValueError: not a number"]
    for count, expected in enumerate(told):
        output.write_text("".join(f"{line}\n" for line in lines[:count]))
        assert process.last_words == expected
    output.write_text("\n".join(lines))
    assert process.last_words == told[-1]
    assert process.address == "http://127.0.0.1:1234"
    assert process.peak_memory_mib == 0


@pytest.fixture(scope="module")
def plan(tiny: TinyPipeline) -> Plan:
    return probes.plan([tiny.test], tiny.workspace.config)


def test_requests_are_recorded_ones_of_different_users_who_are_known(plan: Plan) -> None:
    users = [probe.body["user_id"] for probe in plan.recorded]
    assert len(users) > 50
    assert len(set(users)) == len(users)
    assert set(users) < set(plan.users["user_id"].to_pylist())
    assert all(probe.body["context"].keys() >= {"country", "device"} for probe in plan.recorded)


def test_extremes_are_asked_too(plan: Plan) -> None:
    queries = [plan.query(probe, NOON, 20) for probe in plan.odd]
    assert {1, 1_000} < {query.k for query in queries}
    assert {0, 5_000} == {len(query.exclude) for query in queries}
    assert min(len(query.installed_app_ids) for query in queries) == 0
    assert max(len(query.installed_app_ids) for query in queries) > 100
    assert any(query.seed_app for query in queries)


def answers(recommender: Recommender, plan: Plan, of: Sequence[Probe]) -> list[Answer]:
    """As a server over that recommender would give them."""
    pages = [recommender.recommend([plan.query(probe, NOON, 20)])[0] for probe in of]
    scores = [{item.app_id: item.score for item in page.items} for page in pages]
    return [Answer(probe, NOON, NOON, 1.0, on, "") for probe, on in zip(of, scores, strict=True)]


def test_pages_that_differ_from_the_same_offline_are_told(
    plan: Plan, tiny_recommender: Recommender
) -> None:
    given = answers(tiny_recommender, plan, [*plan.odd, *plan.recorded[:5]])
    same = list(compare(tiny_recommender, given, plan, 20))
    assert all(check.passed for check in checks.of_scores(same))

    first, second, *others = given
    [_, *shorter] = second.scores
    moved = replace(first, scores={app: score + 1e-4 for app, score in first.scores.items()})
    cut = replace(second, scores={app: second.scores[app] for app in shorter})
    told = list(compare(tiny_recommender, [moved, cut, *others], plan, 20))
    scores, lengths = checks.of_scores(told)
    assert not scores.passed and not lengths.passed
    assert f"scores of 1 of {len(given)} pages differ" in scores.sentence
    assert scores.sentence.endswith(f"by 0.0001 at the most: {first.probe.name}")
    assert lengths.sentence.endswith(f"shorter or longer than offline: {second.probe.name}")


def test_a_page_during_which_the_hour_changed_is_not_compared(
    plan: Plan, tiny_recommender: Recommender
) -> None:
    [given] = answers(tiny_recommender, plan, plan.odd[:1])
    late = replace(given, answered=NOON + dt.timedelta(hours=1))
    assert list(compare(tiny_recommender, [late], plan, 20)) == []


def behaviour(latencies_ms: Sequence[float], problem: str = "", **changes: Any) -> Behaviour:
    """Of a server that was asked once for each latency; the first answer may have a problem."""
    probe = Probe("a request", {"user_id": "u"})
    problems = [problem] + [""] * (len(latencies_ms) - 1)
    given = [
        Answer(probe, NOON, NOON, latency, {}, wrong)
        for latency, wrong in zip(latencies_ms, problems, strict=True)
    ]
    quiet = {"odd": [], "problems_of_malformed": [], "complaint": ""}
    values = {"load_seconds": 3.0, "peak_memory_mib": 700, **quiet, "rounds": [given]}
    return Behaviour(**{**values, **changes})


def test_a_percentile_is_a_latency_that_so_many_stay_within() -> None:
    assert percentile([*range(1, 201)], 99) == 198
    assert percentile([5.0, 1.0, 9.0], 99) == 9.0


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (behaviour([1.0], load_seconds=121.0), "ready after 121.0 s; at most 120 s is allowed"),
        (behaviour([1.0], peak_memory_mib=5_000), "up to 5,000 MiB of memory; at most 4,096 MiB"),
        (behaviour([1.0] * 97 + [101.0] * 3), "of 100 pages' latency, one after the other, is 101"),
        (behaviour([1.0] * 9, "broke"), "1 of 9 recorded requests failed; at most 0 % may: broke"),
        (
            behaviour([1.0], problems_of_malformed=["", "broke"]),
            "1 of 2 odd and malformed requests",
        ),
    ],
)
def test_each_limit_refuses_with_its_figure(seen: Behaviour, says: str) -> None:
    failed = [check for check in checks.of_server(seen, Infra()) if not check.passed]
    assert len(failed) == 1
    assert says in failed[0].sentence


def test_one_slow_round_is_the_machines_and_some_failures_may_be_allowed() -> None:
    slow, quick = behaviour([900.0] * 3).rounds[0], behaviour([1.0] * 97, "broke").rounds[0]
    seen = behaviour([1.0], rounds=[slow, quick])
    limits = Infra(max_error_share=0.01)
    assert all(check.passed for check in checks.of_server(seen, limits))
    assert checks.figures(seen)["p99_ms"] == 1.0
