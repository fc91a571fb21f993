from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from loadtests import bench_feature_log
from recsys import pushes
from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.workspace import Workspace


def test_a_ratio_is_that_of_the_two_blocks_of_a_round() -> None:
    random = np.random.default_rng(5)
    without = random.lognormal(size=(40, 500))
    without[::4] *= 10  # someone else used the machine
    measured = {"without": without, "with": 1.1 * without}
    for percentile in (50, 99):
        found = bench_feature_log.ratio(measured, percentile)
        assert found["without_ms"] == np.median(np.percentile(without, percentile, axis=1))
        assert found["ratio"] == pytest.approx(1.1)
        assert found["ratio_interval"] == pytest.approx([1.1, 1.1])


def test_the_interval_tells_noise_from_cost() -> None:
    random = np.random.default_rng(6)
    first, second = random.lognormal(size=(2, 60, 500))
    low, high = bench_feature_log.ratio({"without": first, "with": second}, 50)["ratio_interval"]
    assert 0.9 < low < 1 < high < 1.1
    low, _ = bench_feature_log.ratio({"without": first, "with": 1.3 * second}, 50)["ratio_interval"]
    assert low > 1.1


def test_a_small_run_measures_two_real_servers(
    tiny_workspace: Workspace, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    root = tmp_path / "store"
    shutil.copytree(tiny_workspace.root, root, ignore=shutil.ignore_patterns("artifacts"))
    workspace = Workspace(root)
    shutil.copytree(tiny_bundle.path, workspace.bundles / tiny_bundle.version)
    pushes.make_current(workspace, tiny_bundle.version, "a test measures it")
    figures = bench_feature_log.bench(workspace, num_rounds=2, num_requests=20)
    assert figures["num_logged"] == figures["num_asked"] == 60
    for one in figures["percentiles"].values():
        low, high = one["ratio_interval"]
        assert one["without_ms"] > 0
        assert 0 < low <= one["ratio"] <= high
    table = bench_feature_log.table(figures)
    assert "| p99 |" in table
    assert "60 of 60 pages logged" in table
    assert not (workspace.serving / "features").exists()


def test_without_a_bundle_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no bundle serves in .*: `recsys run` makes one"):
        bench_feature_log.bench(Workspace(tmp_path), 2, 20)
