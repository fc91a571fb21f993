from __future__ import annotations

import pytest

from loadtests import bench_soak
from loadtests.memory import Memory
from loadtests.stream import Answer
from loadtests.swapped import Swap

MIB_A_MINUTE = 3.0


def test_a_leak_shows_as_a_slope_and_a_plot() -> None:
    began, minutes = 100.0, 10
    looks = [began + second for second in range(0, 60 * minutes, 2)]
    memory = [Memory(t, 2_000.0, 150 + MIB_A_MINUTE * (t - began) / 60) for t in looks]
    answers = [Answer(t, t + (0.002 if t < 400 else 0.004), {}, "") for t in looks]
    answers.append(Answer(200.0, 200.1, None, "503: full"))
    found = bench_soak.figures(began, [Swap(200.0, 203.0)], answers, memory)
    assert found["own_mib_per_hour"] == pytest.approx(60 * MIB_A_MINUTE)
    assert found["resident_mib_per_hour"] == pytest.approx(0, abs=1e-6)
    assert (found["swaps"], found["failed"], len(found["steps"])) == (1, 1, 60)
    assert found["p99_ms_first_half"] == pytest.approx(2)
    assert found["p99_ms_second_half"] == pytest.approx(4)
    assert [step["minute"] for step in found["steps"][:2]] == pytest.approx([1 / 6, 1 / 3])
    whole = {"num_apps": 1, "minutes": minutes, "rate": 0.5, **found}
    assert "| its own memory, MiB | 156 | 178 | 180 | +180.0 |" in bench_soak.table(whole)
    assert bench_soak.plot(whole).startswith("<svg")
