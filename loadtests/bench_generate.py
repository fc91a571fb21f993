"""How fast the synthetic store is generated, and that its memory doesn't grow with days."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests import report
from loadtests.steps import asked

COMMAND = "recsys bench generate"


def bench(preset: str, days: tuple[int, ...]) -> list[Mapping[str, Any]]:
    """Generates a preset over some numbers of days, each in a process of its own.

    Raises:
        GateStopped: a run failed.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-generate-") as scratch:
        return [
            asked(
                *("data", "generate", "--preset", preset, "--days", str(num_days)),
                workspace=Path(scratch) / str(num_days),
            )
            for num_days in days
        ]


def table(runs: list[Mapping[str, Any]]) -> str:
    """The figures in Markdown."""
    header = ["preset", "days", "impressions", "seconds", "impressions/s", "peak MiB"]
    rows = [
        [
            str(run["preset"]),
            str(run["days"]),
            f"{run['impressions']:,}",
            f"{run['seconds']:.1f}",
            f"{run['impressions_per_s']:,}",
            str(run["peak_mib"]),
        ]
        for run in runs
    ]
    return report.markdown(header, rows)
