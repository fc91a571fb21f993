from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.experiments.stored import DailyTable, Simulated, logged_exposures
from recsys.workspace import Workspace

DAY, NEXT = dt.date(2025, 3, 3), dt.date(2025, 3, 4)


def test_a_day_is_written_whole_and_again(tmp_path: Path) -> None:
    table = DailyTable(tmp_path / "outcomes")
    assert table.days() == []
    table.write(NEXT, pa.table({"a": [1, 2]}))
    table.write(DAY, pa.table({"a": [3]}))
    table.write(NEXT, pa.table({"a": [4]}))
    assert table.days() == [DAY, NEXT]
    [file] = table.files(NEXT)
    assert pq.read_table(file, partitioning=None).to_pylist() == [{"a": 4}]
    assert table.files(NEXT + dt.timedelta(days=1)) == []


def test_a_simulation_is_one_once_it_is_described(tmp_path: Path) -> None:
    simulated = Simulated.of(Workspace(tmp_path), "x")
    assert simulated.description() is None
    simulated.describe({"users": 7, "first day": DAY})
    assert simulated.description() == {"users": 7, "first day": "2025-03-03"}
    assert simulated.exposures.folder == tmp_path / "experiments" / "x" / "exposures"
    assert logged_exposures(Workspace(tmp_path)).folder == tmp_path / "logs" / "exposures"
