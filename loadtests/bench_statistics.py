"""How fast a large table's statistics are computed, and in how much memory, by each engine."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from loadtests import report, wide_table
from loadtests.machine import peak_mib
from recsys import config

COMMAND = "recsys bench statistics"

_NUM_RUNS = 3

_ENGINES = {
    "duckdb": config.Engine(kind="duckdb", num_threads=2, memory_limit_mib=1_024),
    "spark": config.Engine(kind="spark", num_threads=2, memory_limit_mib=2_048),
}
_LIBRARIES = {"duckdb": "duckdb", "spark": "pyspark"}


def bench(num_rows: int, engines: tuple[str, ...] = ("duckdb", "spark")) -> dict[str, Any]:
    """Writes a table of 15 columns, and computes all its statistics with each engine.

    Returns:
        for each engine `rows_per_s` (of the median run), `best_rows_per_s`, the `seconds` of each
        run, `peak_mib` of its process and of those that it started, and its `version`.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-statistics-") as scratch:
        path = Path(scratch, "examples.parquet")
        console = Console(stderr=True)
        title, num_parts = f"writing {num_rows:,} rows", -(-num_rows // wide_table.ROWS_A_PART)
        parts = track(wide_table.write(path, num_rows), title, num_parts, console=console)
        written = sum(parts)
        return {name: _measured(name, path, written) for name in engines}


def table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures in Markdown."""
    header = ["engine", "rows", "seconds (median)", "rows/s (median)", "rows/s (best)", "peak MiB"]
    rows = [
        [
            f"{name} {run['version']}",
            f"{run['rows']:,}",
            f"{statistics.median(run['seconds']):.1f}",
            f"{run['rows_per_s']:,}",
            f"{run['best_rows_per_s']:,}",
            f"{run['peak_mib']:,}",
        ]
        for name, run in figures.items()
    ]
    return report.markdown(header, rows)


def _measured(name: str, path: Path, num_rows: int) -> dict[str, Any]:
    """Runs in a process of its own, whose peak is then the engine's."""
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawning) as pool:
        seconds, peak = pool.submit(_computed, _ENGINES[name], path).result()
    return {
        "rows_per_s": round(num_rows / statistics.median(seconds)),
        "best_rows_per_s": round(num_rows / min(seconds)),
        "rows": num_rows,
        "seconds": [round(each, 3) for each in seconds],
        "peak_mib": peak,
        "version": metadata.version(_LIBRARIES[name]),
    }


def _computed(settings: config.Engine, path: Path) -> tuple[list[float], int]:
    """The seconds of each run, and the peak of memory over all of them."""
    from recsys import engine
    from recsys.features import statistics as features

    seconds = []
    for _ in range(_NUM_RUNS):
        started = time.perf_counter()
        examples = engine.read_parquet(settings, [path])
        features.compute(settings, {"examples": examples})
        seconds.append(time.perf_counter() - started)
    return seconds, peak_mib()
