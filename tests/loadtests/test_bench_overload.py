from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from loadtests import bench_overload
from loadtests.arrivals import ANSWERS, Answers
from loadtests.subject import Subject
from recsys import pushes
from recsys.bundle import Bundle
from recsys.errors import BadInput, GateStopped
from recsys.workspace import Workspace


def answers(phase: int, due: float, *latencies_ms: tuple[int, float]) -> Answers:
    """Requests a tenth of a second apart: status and latency of each."""
    rows = [
        (phase, status, at, at, at + milliseconds / 1e3)
        for at, (status, milliseconds) in zip(
            due + np.arange(len(latencies_ms)) / 10, latencies_ms, strict=True
        )
    ]
    return np.array(rows, ANSWERS)


STEADY = answers(0, 0.0, *[(200, 10.0)] * 10)


def test_figures_by_hand() -> None:
    overload = answers(1, 1.0, *[(200, 15.0)] * 4, *[(503, 2.0)] * 5, (0, 10_000.0))
    after = answers(2, 2.0, (503, 1.0), (200, 15.0), (200, 40.0), *[(200, 9.0)] * 7)
    found = bench_overload.figures(np.concatenate([STEADY, overload, after]), 10.0, 1.0)
    at_80, at_300, again = (found["loads"][name] for name in bench_overload.PHASES)
    assert at_80["p99_ms"] == pytest.approx(10)
    assert (at_80["shed_share"], at_80["num_failed"], at_80["p99_ms_of_shed"]) == (0, 0, None)
    assert at_300["offered_per_s"] == 30
    assert at_300["answered_per_s"] == 4
    assert (at_300["num_requests"], at_300["num_failed"]) == (10, 1)
    assert at_300["shed_share"] == 0.5
    assert at_300["p99_ms_of_shed"] == pytest.approx(2)
    assert again["answered_per_s"] == 9
    assert found["p99_ratio"] == pytest.approx(1.5)
    # The first quarter of a second has a refusal and a page after 40 ms, the second neither.
    assert found["recovery_s"] == 0.5
    assert found["sent_late_p99_ms"] == 0


def test_a_server_that_does_not_recover_is_not_said_to() -> None:
    overload = answers(1, 1.0, *[(200, 15.0)] * 10)
    never = answers(2, 2.0, *[(200, 50.0)] * 10)
    found = bench_overload.figures(np.concatenate([STEADY, overload, never]), 10.0, 1.0)
    assert found["recovery_s"] is None
    measured = {"capacity_per_s": 10.0, "num_connections": 4, "seconds": 1.0, **found}
    table = bench_overload.table(measured | {"degraded_by_rung": {"popular": 3}})
    assert "none was seen" in table
    assert "3 of all pages were not ranked" in table


def test_nothing_answered_is_no_measurement() -> None:
    nothing = answers(0, 0.0, (503, 1.0))
    with pytest.raises(GateStopped, match="none of 1 requests was answered"):
        bench_overload.figures(nothing, 10.0, 1.0)


def test_an_overloaded_server_answers_or_refuses_and_never_fails(
    tiny_workspace: Workspace, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    root = tmp_path / "store"
    shutil.copytree(tiny_workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    pushes.make_current(workspace, tiny_bundle.version, "a test measures it")
    before = sorted(path.relative_to(root) for path in root.rglob("*"))
    figures = bench_overload.bench(Subject.of(workspace), seconds=1)
    assert figures["capacity_per_s"] > 0
    assert [one["num_failed"] for one in figures["loads"].values()] == [0, 0, 0]
    overload = figures["loads"]["at 300 %"]
    assert 0 < overload["shed_share"] < 1
    num_shed = sum(
        round(one["shed_share"] * one["num_requests"]) for one in figures["loads"].values()
    )
    assert sum(figures["shed_by_reason"].values()) >= num_shed
    assert "| at 300 % |" in bench_overload.table(figures)
    assert sorted(path.relative_to(root) for path in root.rglob("*")) == before


def test_without_a_bundle_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no bundle serves in .*: `recsys run` makes one"):
        Subject.of(Workspace(tmp_path))
