from __future__ import annotations

import tomllib
from typing import Any

import pytest

from recsys import config
from recsys.config import ConfigError
from recsys.config.experiments import BUILT_IN_METRICS
from recsys.experiments import metrics
from recsys.experiments.tables import OUTCOMES

ARMS = {"control": {"share": 0.5}, "warm": {"share": 0.5, "bundle": "2025-03-01-abc"}}


def parsed(**experiments: Any) -> config.Config:
    return config.parse({"experiments": experiments}, "recsys.toml")


def test_an_experiment_reads_back_from_its_rendered_file() -> None:
    settings = config.parse(
        {
            "metrics": {"keepers": {"of": "kept", "per": "installs", "better": "more"}},
            "experiments": {
                "warm start": {
                    "arms": ARMS,
                    "eligible": {"country": ["DE"]},
                    "primary": "keepers",
                    "guardrails": {"latency_ms_mean": 0.05},
                },
            },
        },
        "test",
    )
    assert config.parse(tomllib.loads(config.render(settings)), "rendered") == settings
    declared = settings.experiments["warm start"]
    assert declared.treatments == ("warm",)
    assert declared.metric_names[:2] == ("keepers", "latency_ms_mean")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"arms": {"control": {"share": 1}}}, "two arms or more with shares that make 1"),
        ({"arms": {**ARMS, "c": {"share": 0.1}}}, "shares that make 1 (they make 1.1)"),
        ({"arms": ARMS, "control": "cold"}, "control = 'cold', expected one of the arms control"),
        ({"arms": ARMS, "buckets": [500, 400]}, "buckets = [500, 400], expected a range within 0"),
        ({"arms": ARMS, "guardrails": {"latency_ms_mean": 1}}, "margins above 0 and below 1"),
        ({"arms": ARMS, "primary": "joy"}, "experiments.x names the metric 'joy', expected one"),
        ({"arms": ARMS, "ramp": 2}, "experiments.x.ramp = 2, expected less than or equal to 1"),
        ({"arms": ARMS, "days": 3}, "unknown key 'experiments.x.days' (value 3), expected one of"),
        (
            {"arms": {"control": {"share": 0.5, "bundle": "b", "policy": "p"}}},
            "an arm has bundle = 'b' and policy = 'p'",
        ),
    ],
)
def test_a_refusal_says_what_was_expected(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parsed(x=values)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_experiments_of_a_layer_have_buckets_of_their_own() -> None:
    one, other = {"arms": ARMS, "buckets": (0, 501)}, {"arms": ARMS, "buckets": (500, 1_000)}
    with pytest.raises(ConfigError, match=r"a and experiments.b share buckets 500 to 501 of layer"):
        parsed(a=one, b=other)
    parsed(a=one, b={**other, "layer": "retrieval"})
    parsed(a=one, b={**other, "buckets": (501, 1_000)})


def test_the_built_in_metrics_are_of_columns_that_there_are() -> None:
    for metric in BUILT_IN_METRICS.values():
        assert {metric.of, metric.per} <= {"", *OUTCOMES.names}


def test_a_declared_metric_goes_before_a_built_in_one() -> None:
    mine = config.Metric(of="kept")
    assert metrics.named("installs_per_user", {"installs_per_user": mine}) is mine
    assert metrics.named("installs_per_user", {}).of == "installs"
