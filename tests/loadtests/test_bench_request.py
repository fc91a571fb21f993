from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtests import bench_request, bundles
from recsys.bundle import Bundle
from recsys.recommender import Recommender
from recsys.stages import STAGES

NUM_APPS = 1_500


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with bundles.untrained(NUM_APPS) as made:
        yield made


def test_an_untrained_bundle_is_whole_and_answers_by_both_ways_alike(folder: Path) -> None:
    bundle = Bundle.load(folder)
    here, there = Recommender(bundle), Recommender(bundle, Bundle.saved_models)
    assert len(here.catalogue) == NUM_APPS
    queries = bench_request.drawn_queries(here, 40)
    assert {len(query.installed_app_ids) for query in queries} == {bench_request.NUM_INSTALLED}
    scores = []
    for page, expected in zip(here.recommend(queries), there.recommend(queries), strict=True):
        assert [item.app_id for item in page.items] == [item.app_id for item in expected.items]
        assert len(page.items) == 20
        found = [item.score for item in page.items]
        assert found == pytest.approx([item.score for item in expected.items], abs=1e-5)
        scores += found
    assert np.std(scores) > 1e-3


def test_it_measures_every_stage_of_both_ways(folder: Path) -> None:
    figures = bench_request.bench(folder, num_rounds=1)
    assert (figures["num_apps"], figures["trained"]) == (NUM_APPS, False)
    for way in figures["ways"].values():
        for one in way.values():
            assert one["stages_us"].keys() == set(STAGES)
            assert all(us > 0 for us in one["stages_us"].values())
            assert one["cpu_us"] > 0
            assert 100 < one["candidates_per_request"] < 300
            assert one["requests_per_s_per_core"] == pytest.approx(1e6 / one["cpu_us"])
    assert "| rank |" in bench_request.table(figures)


def test_the_table_by_hand() -> None:
    one: dict[str, Any] = {
        "cpu_us": 500.0,
        "requests_per_s_per_core": 2_000.0,
        "candidates_per_request": 200.0,
        "apps_scored_per_s_per_core": 400_000.0,
        "stages_us": dict.fromkeys(STAGES, 10.0) | {"rank": 300.4},
    }
    other = one | {"cpu_us": 5_000.0}
    figures: dict[str, Any] = {
        "num_apps": 1_000_000,
        "trained": False,
        "num_installed": 50,
        "num_queries": 512,
        "k": 20,
        "seconds_to_verify": 4.0,
        "seconds_to_load": 2.0,
        "peak_mib": 2_000,
        "tower_us": {"1": 40.0},
        "ways": {"executor": {"1": one}, "saved model": {"1": other}},
        "cpu_ratio": {"1": 10.0},
    }
    shown = bench_request.table(figures)
    assert "| rank | 300 | 300 |" in shown
    assert "| **processor, all** | **500** | **5000** |" in shown
    assert "1,000,000 apps, untrained; 200 candidates" in shown
    assert "takes 10.0 in batches of 1 times" in shown
