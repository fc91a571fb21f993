from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from loadtests import bench_rollback
from loadtests.bench_rollback import Rollback
from loadtests.stream import Answer
from recsys import pushes
from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.workspace import Workspace

MARKS = {"v1": "", "v2": " [2]"}


def answer(due: float, ms: float, bundle: str, *titles: str) -> Answer:
    page: dict[str, Any] = {"bundle": bundle, "items": [{"title": title} for title in titles]}
    return Answer(due, due + ms / 1_000, page, "")


def test_figures_by_hand() -> None:
    rollbacks = [
        Rollback("the one before", "v1", 10.0, 0.5, 0.75),
        Rollback("the one before", "v2", 20.0, 0.3, 0.25),
        Rollback("an older one", "v1", 30.0, 0.4, 2.0),
    ]
    answers = [
        answer(5.0, 1, "v2", "Lumen [2]"),
        answer(10.5, 20, "v2", "Lumen [2]", "Duet [2]"),
        answer(11.0, 2, "v1", "Lumen"),
        answer(20.25, 30, "v2", "Lumen [2]"),
        answer(31.0, 300, "v1", "Lumen"),
    ]
    found = bench_rollback.figures(rollbacks, answers, MARKS)
    before, older = (found["targets"][name] for name in ("the one before", "an older one"))
    assert before["command_seconds"] == {"median": pytest.approx(0.4), "max": 0.5}
    assert before["seconds_until_answered"] == {"median": 0.5, "max": 0.75}
    assert before["num_requests_around"] == 2
    assert before["p99_ms_around"] == pytest.approx(29.9)
    assert older["num_requests_around"] == 1
    assert older["p99_ms_around"] == pytest.approx(300)
    assert found["p99_ms_otherwise"] == pytest.approx(1.99)
    assert (found["num_requests"], found["num_failed"], found["problems"]) == (5, 0, {})


def test_what_failed_and_what_is_of_two_bundles_is_counted() -> None:
    answers = [
        answer(1.0, 1, "v2", "Lumen [2]", "Duet"),
        answer(1.1, 1, "v1", "Lumen [2]"),
        answer(1.2, 1, "v1"),
        answer(1.3, 1, "v1", "Lumen"),
        Answer(1.4, 1.5, None, "503: not ready"),
    ]
    rollbacks = [Rollback(target, "v1", 1.0, 0.1, 0.2) for target in bench_rollback.TARGETS]
    found = bench_rollback.figures(rollbacks, answers, MARKS)
    assert found["num_failed"] == 4
    assert found["problems"] == {
        "a page by two bundles": 2,
        "an empty page": 1,
        "503: not ready": 1,
    }


def test_no_request_notices_a_rollback(
    tiny_workspace: Workspace, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    root = tmp_path / "store"
    shutil.copytree(tiny_workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    pushes.make_current(workspace, tiny_bundle.version, "a test measures it")
    figures = bench_rollback.bench(workspace, num_rounds=1, requests_per_s=40)
    assert (figures["num_failed"], figures["problems"]) == (0, {})
    assert figures["num_requests"] > 50
    for one in figures["targets"].values():
        assert one["num_requests_around"] > 0
        assert 0 < one["command_seconds"]["median"] <= one["command_seconds"]["max"]
    assert "| the one before |" in bench_rollback.table(figures)
    assert pushes.versions(workspace) == [tiny_bundle.version]
    assert len(pushes.history(workspace)) == 1


def test_without_a_bundle_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no bundle serves in .*: `recsys run` makes one"):
        bench_rollback.bench(Workspace(tmp_path), 1, 40)
