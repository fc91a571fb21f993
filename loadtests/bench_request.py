"""What a request costs inside the process, stage by stage, without HTTP: by the executor that
serves, and by the saved model that it must agree with.

Each request is of a user with 50 installed apps, and ranks what retrieval, popularity and novelty
proposed. Requests a second are by the processor's time: what one core could do if it did nothing
else, whoever shares it.
"""

from __future__ import annotations

import datetime as dt
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from loadtests import machine, report
from recsys import quiet
from recsys.bundle import Bundle
from recsys.catalogue import Catalogue
from recsys.executor.contract import Installed, Models, Scores
from recsys.executor.model import Executor
from recsys.features.transformed import Arrays
from recsys.index.contract import NO_ROW, Rows
from recsys.query import Query
from recsys.recommender import Recommender
from recsys.stages import STAGES, Stage

COMMAND = "recsys bench request"
BATCH_SIZES = (1, 8, 32)
NUM_INSTALLED = 50
EXECUTOR, SAVED_MODEL = "executor", "saved model"

_NUM_QUERIES = 512
_NUM_WARM = 64
_TOWER_ROUNDS = 200
_MICROS = 1e6


class Meter:
    """Adds up what stages took, and counts the apps that a ranker scored."""

    _models: Models

    def __init__(self) -> None:
        self.clear()

    def around(self, models: Models) -> Meter:
        """Itself, asking these models."""
        self._models = models
        return self

    def clear(self) -> None:
        """Begins anew."""
        self.seconds: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
        self.num_scored = 0

    def observe(self, stage: Stage, seconds: float) -> None:
        """Adds to a stage."""
        self.seconds[stage] += seconds

    def encode_query(self, raw: Arrays, installed: Installed | None = None) -> Arrays:
        """See `Models.encode_query`."""
        return self._models.encode_query(raw, installed)

    def score(self, encoded: Arrays, rows: Rows) -> Scores:
        """See `Models.score`."""
        self.num_scored += int(np.count_nonzero(rows != NO_ROW))
        return self._models.score(encoded, rows)


def bench(folder: Path, num_rounds: int) -> dict[str, Any]:
    """Measures a bundle.

    Args:
        folder: where it lies.
        num_rounds: passes over all queries in each way; the median counts.
    """
    began = time.perf_counter()
    bundle = Bundle.load(folder)
    verified = time.perf_counter()
    recommender, meter = metered(bundle, Bundle.executor)
    queries = drawn_queries(recommender, _NUM_QUERIES)
    recommender.recommend(queries[:_NUM_WARM])
    loaded, resident = time.perf_counter(), machine.peak_mib()
    ways = {EXECUTOR: measured(recommender, meter, queries, num_rounds)}
    tower_us = _tower_us(bundle.executor(recommender.catalogue), recommender, queries)
    quiet.import_tensorflow()
    recommender, meter = metered(bundle, Bundle.saved_models)
    ways[SAVED_MODEL] = measured(recommender, meter, queries, num_rounds)
    return {
        "num_apps": len(recommender.catalogue),
        "trained": bool(bundle.manifest["lineage"]),
        "num_installed": NUM_INSTALLED,
        "k": queries[0].k,
        "num_queries": len(queries),
        "seconds_to_verify": verified - began,
        "seconds_to_load": loaded - verified,
        "peak_mib": resident,
        "ways": ways,
        "tower_us": tower_us,
        "cpu_ratio": {
            size: ways[SAVED_MODEL][size]["cpu_us"] / ways[EXECUTOR][size]["cpu_us"]
            for size in ways[EXECUTOR]
        },
    }


def metered(
    bundle: Bundle, make: Callable[[Bundle, Catalogue], Models]
) -> tuple[Recommender, Meter]:
    """A recommender over models of a kind, and what meters it."""
    meter = Meter()

    def models(bundle: Bundle, catalogue: Catalogue) -> Models:
        return meter.around(make(bundle, catalogue))

    return Recommender(bundle, models, meter.observe), meter


def drawn_queries(recommender: Recommender, count: int, seed: int = 0) -> list[Query]:
    """Queries of users who have `NUM_INSTALLED` apps and ask from everywhere the apps are sold."""
    random, catalogue = np.random.default_rng(seed), recommender.catalogue
    now = dt.datetime(2024, 3, 14, 18, tzinfo=dt.UTC)
    known = {"language": "en", "age_band": "25-34", "surface": "home"}
    places = random.choice(catalogue.countries.values or ("",), count).tolist()
    devices = random.choice(catalogue.devices.values or ("",), count).tolist()
    return [
        Query(
            f"user-{number}",
            now + dt.timedelta(minutes=number),
            {**known, "country": country, "device": device},
            catalogue.app_ids(random.integers(len(catalogue), size=NUM_INSTALLED)),
        )
        for number, (country, device) in enumerate(zip(places, devices, strict=True))
    ]


def measured(
    recommender: Recommender, meter: Meter, queries: Sequence[Query], num_rounds: int
) -> dict[str, dict[str, Any]]:
    """What a query costs, by the size of batches."""
    found = {}
    for size in BATCH_SIZES:
        rounds = [
            one_round(recommender, meter, queries, size)
            for _ in track(range(num_rounds), f"batches of {size}", console=Console(stderr=True))
        ]
        cpu = statistics.median(one["cpu_us"] for one in rounds)
        candidates = meter.num_scored / len(queries)
        found[f"{size}"] = {
            "cpu_us": cpu,
            "requests_per_s_per_core": _MICROS / cpu,
            "candidates_per_request": candidates,
            "apps_scored_per_s_per_core": candidates * _MICROS / cpu,
            "stages_us": {
                stage: statistics.median(one["stages_us"][stage] for one in rounds)
                for stage in STAGES
            },
        }
    return found


def one_round(
    recommender: Recommender, meter: Meter, queries: Sequence[Query], batch_size: int
) -> dict[str, Any]:
    """All queries once: microseconds of the processor, and by the clock those of each stage."""
    meter.clear()
    began = time.process_time()
    for start in range(0, len(queries), batch_size):
        recommender.recommend(queries[start : start + batch_size])
    each = _MICROS / len(queries)
    return {
        "cpu_us": (time.process_time() - began) * each,
        "stages_us": {stage: seconds * each for stage, seconds in meter.seconds.items()},
    }


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    columns = [(way, size) for way in figures["ways"] for size in figures["ways"][way]]
    cells = [figures["ways"][way][size] for way, size in columns]
    header = ["a request, us", *(f"{way}, batch of {size}" for way, size in columns)]
    rows = [[stage, *(f"{one['stages_us'][stage]:.0f}" for one in cells)] for stage in STAGES]
    rows.append(["**processor, all**", *(f"**{one['cpu_us']:.0f}**" for one in cells)])
    for name, key in (
        ("requests/s a core", "requests_per_s_per_core"),
        ("apps scored/s a core", "apps_scored_per_s_per_core"),
    ):
        rows.append([name, *(f"{one[key]:,.0f}" for one in cells)])
    weights = "trained" if figures["trained"] else "untrained"
    ratios = ", ".join(
        f"{ratio:.1f} in batches of {size}" for size, ratio in figures["cpu_ratio"].items()
    )
    tower = ", ".join(f"{us:.0f} in batches of {size}" for size, us in figures["tower_us"].items())
    return (
        f"{report.markdown(header, rows)}\n\n{figures['num_apps']:,} apps, {weights}; "
        f"{cells[0]['candidates_per_request']:.0f} candidates ranked a request, "
        f"{figures['num_installed']} installed apps crossed with each, pages of {figures['k']}. "
        f"The saved model takes {ratios} times the processor's time. Of `encode`, the executor's "
        f"query tower takes {tower}. Stages are by the clock, medians of rounds over "
        f"{figures['num_queries']} requests. The bundle's bytes were verified in "
        f"{figures['seconds_to_verify']:.1f} s, and it answered {figures['seconds_to_load']:.1f} s "
        f"later; the process then had {figures['peak_mib']:,} MiB resident at most, without "
        "TensorFlow."
    )


def _tower_us(
    executor: Executor, recommender: Recommender, queries: Sequence[Query]
) -> dict[str, float]:
    """The query tower alone, by the size of batches."""
    found = {}
    for size in BATCH_SIZES:
        raw = [recommender.recommend([query])[0].raw for query in queries[:size]]
        transformed = executor.transform(
            {name: np.stack([one[name] for one in raw]) for name in raw[0]}
        )
        began = time.process_time()
        for _ in range(_TOWER_ROUNDS):
            executor.tower(transformed)
        found[f"{size}"] = (time.process_time() - began) / _TOWER_ROUNDS / size * _MICROS
    return found
