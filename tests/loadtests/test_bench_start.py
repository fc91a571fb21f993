from __future__ import annotations

import os
from pathlib import Path

import pytest

from loadtests import bench_start, memory, untrained_store
from loadtests.subject import Subject


def test_it_starts_one_worker_and_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_start, "_STARTS", 1)
    monkeypatch.setattr(bench_start, "_SECONDS_OF_REQUESTS", 0.3)
    store = untrained_store.kept(1_500, 120, tmp_path / "cache")
    figures = bench_start.bench(Subject.made(store))
    one, two = figures["workers"]["1"], figures["workers"]["2"]
    assert one["ready_s"] > 0
    assert 0 < one["own_mib"] < one["proportional_mib"] <= one["resident_mib"]
    # A second one's own memory comes on top, and what they map is there once.
    assert one["proportional_mib"] < two["proportional_mib"] < 2 * one["proportional_mib"]
    assert figures["second_worker_mib"] == two["proportional_mib"] - one["proportional_mib"]
    assert "| 2 |" in bench_start.table(figures)


def test_proportional_memory_is_part_of_what_is_resident() -> None:
    mine = memory.memory_of(os.getpid())
    assert 0 < memory.proportional_mib(os.getpid()) <= 1.05 * mine.resident_mib
    with pytest.raises(OSError):
        memory.proportional_mib(2**22 + 1)
