"""MovieLens-100K through the same path as everything else: imported, trained, bundled, served.

Two protocols. Random: RecBole's, under which figures are published (80/10/10 of each user's ratings
at random, every rating a positive, full ranking, what a user took for training and validation
masked). Time: the last three weeks foretold from those before, as a store would see it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests import movielens, report
from loadtests.steps import asked, step

COMMAND = "recsys bench movielens"
PROTOCOLS = {"random": "movielens-random", "time": "movielens"}


def bench(cache: Path) -> Mapping[str, Any]:
    """Runs both protocols in a workspace of their own; returns the figures of each.

    Raises:
        GateStopped: a step failed.
    """
    data = movielens.fetch(cache)
    with tempfile.TemporaryDirectory(prefix="recsys-movielens-") as scratch:
        return {
            protocol: _measured(Path(scratch) / protocol, preset, data)
            for protocol, preset in PROTOCOLS.items()
        }


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["split", "users", "policy", "recall@10", "nDCG@10"]
    rows = [
        [protocol, str(values["num_users"]), policy, _with_interval(metrics, "recall"),
         _with_interval(metrics, "ndcg")]
        for protocol, values in figures.items()
        for policy, metrics in values["policies"].items()
    ]  # fmt: skip
    return report.markdown(header, rows)


def _measured(workspace: Path, preset: str, data: Path) -> Mapping[str, Any]:
    step(f"MovieLens-100K, preset {preset}", "init", "--preset", preset, workspace=workspace)
    shutil.copytree(data, workspace / "ml-100k")
    step("Import", "data", "import", workspace=workspace)
    step("Train, evaluate, push", "run", workspace=workspace)
    evaluation = asked("evaluate", workspace=workspace)
    metrics, counts = evaluation["measured"]["metrics"], evaluation["measured"]["counts"]
    return {
        "num_users": counts["num_users"],
        "policies": {
            "retrieval and ranking": _figures(metrics, "candidate"),
            "most popular": _figures(metrics, "most_popular"),
        },
    }


def _figures(metrics: Mapping[str, Any], system: str) -> Mapping[str, Any]:
    figures: dict[str, Any] = {}
    for name in ("recall", "ndcg"):
        estimate = metrics[f"page_{name}"][system]
        figures |= {name: estimate["value"], f"{name}_interval": estimate["interval"]}
    return figures


def _with_interval(metrics: Mapping[str, Any], name: str) -> str:
    low, high = metrics[f"{name}_interval"]
    return f"{metrics[name]:.4f} [{low:.4f}, {high:.4f}]"
