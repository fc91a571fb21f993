from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from recsys import config
from recsys.features import anomalies, proposals, statistics
from recsys.features.anomalies import Day
from recsys.features.inference import Inference
from recsys.features.schema import Expectations

Info = anomalies_pb2.AnomalyInfo
POLICY = Inference(config.Validation())
NUM_APPS = 2_000


def day(seed: int, phones: float = 0.8, mean: float = 3.0, num: int = NUM_APPS) -> Any:
    """A day in which each app is shown once."""
    rng = np.random.default_rng(seed)
    columns = {
        "app_id": [f"a{i}" for i in range(num)],
        "position": [1] * num,
        "device": rng.choice(["phone", "tablet"], num, p=[phones, 1 - phones]),
        "size": rng.lognormal(mean, 1.0, num),
    }
    return statistics.compute(config.Engine(), {"examples": ibis.memtable(pa.table(columns))})


REFERENCE = day(0)
EXPECTED = Expectations(POLICY.schema(REFERENCE), REFERENCE)


def judged(seen: Any, last: Any = None) -> Any:
    return anomalies.validate(Day(seen, EXPECTED, POLICY, last=last))


def shorts(seen: Any, last: Any = None) -> dict[str, str]:
    return {row.name: row.short for row in anomalies.rows(judged(seen, last))}


@pytest.mark.parametrize("seed", range(1, 11))
def test_chance_alone_drifts_nowhere(seed: int) -> None:
    assert shorts(day(seed), last=day(seed + 100)) == {}


def test_the_fewer_are_seen_the_more_chance_explains() -> None:
    assert shorts(day(1, phones=0.65)) == {"device": "Drift"}
    assert shorts(day(1, phones=0.65, num=1_000)) == {"device": "Drift"}
    few = day(1, phones=0.65, num=100)
    assert "device" not in shorts(few)


def test_an_enum_that_was_swapped_is_named_with_its_shares() -> None:
    [row] = anomalies.rows(judged(day(1, phones=0.65), last=day(2)))
    assert (row.name, row.kind) == ("device", "COMPARATOR_L_INFTY_HIGH")
    assert "is 6" in row.description and "since the last day that passed" in row.description
    assert row.remedy == "take this day as a reference too"


def test_a_number_that_moved_is_named_with_its_medians() -> None:
    [row] = anomalies.rows(judged(day(1, mean=4.0), last=day(2)))
    assert (row.name, row.kind) == ("size", "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH")
    assert "the median is 5" in row.description


def test_what_is_plainer_is_said_first() -> None:
    """A unit that changed is a number out of range; that it drifted needs no second decision."""
    [finding] = anomalies.findings(Day(day(1, mean=9.0), EXPECTED, POLICY))
    assert finding.short == "Values too big"
    assert finding.remedy.text.endswith("; take this day as a reference too")
    settled = proposals.accept(EXPECTED, [finding.remedy])
    assert list(anomalies.findings(Day(day(1, mean=9.0), settled, POLICY))) == []


def test_the_day_after_an_odd_one_is_not_blamed() -> None:
    assert shorts(day(1), last=day(2, phones=0.6)) == {}


def test_a_step_that_lasts_is_near_the_last_day() -> None:
    # Someone let the first odd day pass by another name: the step is no sudden one any more.
    assert shorts(day(1, phones=0.68), last=day(2, phones=0.68)) == {}


def test_many_small_steps_are_slow_drift() -> None:
    assert shorts(day(1, phones=0.72), last=day(2, phones=0.75)) == {}
    assert shorts(day(1, phones=0.50), last=day(2, phones=0.52)) == {"device": "Slow drift"}
    assert shorts(day(1, mean=3.7), last=day(2, mean=3.65)) == {}
    [row] = anomalies.rows(judged(day(1, mean=4.2), last=day(2, mean=4.15)))
    assert row.short == "Slow drift"
    assert "since the reference: it has slowly moved by" in row.description


def test_distances_are_in_the_message_for_all_that_may_drift() -> None:
    validated = judged(day(1), last=day(3))
    distances = anomalies.distances(validated)
    assert set(distances) == {"position", "device", "size"}
    assert distances["position"] == 0
    assert 0 < distances["device"] < 1
    measured = {info.path.step[0]: info.drift_measurements[0] for info in validated.drift_skew_info}
    kinds = anomalies_pb2.DriftSkewInfo.Measurement
    assert measured["device"].type == kinds.L_INFTY
    assert measured["size"].type == kinds.JENSEN_SHANNON_DIVERGENCE
