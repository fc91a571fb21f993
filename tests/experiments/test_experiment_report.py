"""What a report of an experiment adds to its analysis."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_experiment
import numpy as np
import pyarrow as pa
import pytest
from daily_logs import make_workspace, write_log
from made_experiment import START
from store_users import experiment_of

from recsys.experiments.population import Served, population
from recsys.experiments.report import Report, report
from recsys.experiments.stored import Simulated
from recsys.experiments.tables import EXPOSURES

ARMS = {"control": {"share": 0.5}, "treatment": {"share": 0.5, "bundle": "2025-03-02-bbbb"}}


def told(root: Path, declared: dict[str, Any] | None = None, **made: Any) -> Report:
    values = {"arms": ARMS, "horizon_days": 3, "covariate_days": 3, **(declared or {})}
    workspace = make_workspace(root, experiments={"x": values})
    made_experiment.write(
        Simulated.of(workspace, "x").folder, "x", **{"num_days": 3, "num_days_before": 3, **made}
    )
    return report(workspace, "x")


def test_population_counts_users_once_and_bundles_by_arm() -> None:
    users = experiment_of(np.random.default_rng(1), 6, num_days=3)
    users = replace(users, arm=np.array([0, 0, 0, 1, 1, 1]), since=np.array([0, 2, 2, 0, 0, 1]))
    noon = dt.datetime.combine(START, dt.time(12), dt.UTC)
    rows = [("a", "control", None), ("b", "control", "v2"), ("c", "control", "v2")]
    rows += [("d", "treatment", "v3"), ("d", "treatment", "v3")]
    exposures = pa.table(
        [
            [user for user, _, _ in rows],
            ["x"] * len(rows),
            [arm for _, arm, _ in rows],
            [bundle for *_, bundle in rows],
            [noon] * len(rows),
        ],
        schema=EXPOSURES,
    )
    found = population("x", users, exposures)
    assert found.by_day == {"control": [1, 1, 3], "treatment": [2, 3, 3]}
    assert list(found.served) == [
        Served("control", None, 1, START),
        Served("control", "v2", 2, START),
        Served("treatment", "v3", 1, START),
    ]


def test_arms_are_alike_before_and_the_past_says_so(tmp_path: Path) -> None:
    found = told(tmp_path, lift=0.5)
    before = found.before["treatment"]
    assert before.p_value > 0.001
    assert before.lift_interval[0] < 0 < before.lift_interval[1]
    assert found.analysis.comparisons[0].sharper.lift > 0.3
    assert found.is_over
    assert found.simulation is None


def test_without_a_past_there_is_nothing_to_compare_before(tmp_path: Path) -> None:
    found = told(tmp_path, num_days_before=0)
    assert found.before == {}
    assert list(found.horizons) == ["raw"]


def test_what_it_could_find_is_of_the_users_that_it_got(tmp_path: Path) -> None:
    found = told(tmp_path, {"ramp": 0.1, "buckets": [0, 100]}, num_users=1_000)
    last = {kind: horizons[-1] for kind, horizons in found.horizons.items()}
    assert last["raw"].num_users == sum(found.analysis.health.num_users.values())
    assert last["cuped"].detectable_lift < last["raw"].detectable_lift


def test_a_quantile_that_decides_has_no_power(tmp_path: Path) -> None:
    found = told(tmp_path, {"primary": "latency_ms_p95_of_users"}, num_users=500)
    assert found.horizons == {}


def test_withheld_results_are_nowhere_in_the_json(tmp_path: Path) -> None:
    found = told(tmp_path, lost=0.3, lift=0.5)
    assert found.analysis.health.withheld
    assert (found.before, found.horizons) == ({}, {})
    values = found.values()
    assert values["analysis"]["comparisons"] == []
    assert "lift" not in json.dumps(values)


def test_the_json_has_no_figure_that_is_no_number(tmp_path: Path) -> None:
    found = told(tmp_path, {"guardrails": {"empty_page_share": 0.1}}, num_users=300)
    values = json.loads(json.dumps(found.values(), allow_nan=False))
    assert values["analysis"]["days"] == [str(START + dt.timedelta(days=n)) for n in range(3)]
    assert values["declared"]["arms"]["treatment"]["bundle"] == "2025-03-02-bbbb"


@pytest.mark.parametrize(
    ("treatment", "is_aa"),
    [
        ({}, True),
        ({"bundle": "b"}, False),
        ({"policy": "most_popular"}, False),
        ({"simulated": {"missing": ["country"]}}, False),
    ],
)
def test_arms_that_are_served_alike_are_an_aa(
    tmp_path: Path, treatment: dict[str, Any], is_aa: bool
) -> None:
    arms = {"control": {"share": 0.4}, "treatment": {"share": 0.6, **treatment}}
    found = told(tmp_path, {"arms": arms, "mismatch_alpha": 1e-300}, num_users=200)
    assert found.is_aa == is_aa


def test_slices_that_are_too_small_are_counted(tmp_path: Path) -> None:
    declared = {"slices": ["country"]}
    values = {"arms": ARMS, "horizon_days": 3, "covariate_days": 3, **declared}
    workspace = make_workspace(tmp_path, experiments={"x": values})
    made_experiment.write(
        Simulated.of(workspace, "x").folder, "x", num_users=2_000, num_days=3, num_days_before=0
    )
    country = ["DE"] * 1_000 + ["FR"] * 900 + ["NL"] * 90  # ten have none: unknown
    users = [{"user_id": f"u{n:06d}", "country": name} for n, name in enumerate(country)]
    write_log(workspace, "users", START, users)
    found = report(workspace, "x")
    assert {one.value for one in found.analysis.slices} == {"DE", "FR"}
    assert found.num_small_slices == 2
