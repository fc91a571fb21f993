import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from loadtests import bench_statistics, machine, wide_table


def test_the_table_is_as_wide_and_as_long_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "examples.parquet"
    num_rows = wide_table.ROWS_A_PART + 5
    assert list(wide_table.write(path, num_rows)) == [num_rows - 5, 5]
    table = pq.read_table(path)
    assert (table.num_rows, table.num_columns) == (num_rows, 15)
    assert pc.count_distinct(table["user_id"]).as_py() > 200_000
    assert 0.005 < np.isnan(table["rating"].to_numpy()).mean() < 0.015
    assert table["num_installs"].null_count > 0
    assert pc.max(pc.list_value_length(table["countries"])).as_py() == 4


def test_an_engine_is_measured_in_a_process_of_its_own() -> None:
    figures = bench_statistics.bench(2_000, ("duckdb",))
    [(name, run)] = figures.items()
    assert (name, run["rows"], len(run["seconds"])) == ("duckdb", 2_000, 3)
    assert run["best_rows_per_s"] >= run["rows_per_s"] > 0
    assert 50 < run["peak_mib"] < 2_000
    assert "| duckdb 2" in bench_statistics.table(figures)


def test_the_peak_counts_what_this_process_and_its_children_hold() -> None:
    holds = "import sys; held = bytearray(b'x' * 2**27); print(len(held), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        alone = machine.peak_mib()
        assert child.stdout is not None
        child.stdout.readline()
        assert machine.peak_mib() >= alone + 100
        child.communicate("\n")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert machine.peak_mib() > 0  # one that has ended holds nothing
    ended.wait()
