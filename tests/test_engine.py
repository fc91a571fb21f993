import datetime as dt
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys import config, engine
from recsys.errors import BadInput
from recsys.workspace import Workspace

DAY = dt.date(2024, 3, 2)
NEXT = dt.date(2024, 3, 3)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / config.FILE_NAME).write_text(config.render(config.preset("tiny")))
    return Workspace(tmp_path)


def write(workspace: Workspace, day: dt.date, table: pa.Table, name: str = "part-0") -> None:
    folder = workspace.day("impressions", day)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{name}.parquet")


def shown(app_id: str, position: pa.Scalar, **more: str) -> pa.Table:
    values = {"request_id": ["r"], "app_id": [app_id], "position": pa.array([position])}
    return pa.table(values | {name: [value] for name, value in more.items()})


def test_days_are_read_as_one_table_with_nulls_for_columns_that_some_lack(
    workspace: Workspace,
) -> None:
    write(workspace, DAY, shown("a", pa.scalar(1, pa.int64())))
    write(workspace, DAY, shown("b", pa.scalar(2, pa.int64())), "part-1")
    write(workspace, NEXT, shown("c", pa.scalar(3, pa.int64()), shelf="top"))
    table = engine.read_days(workspace, "impressions", [DAY, NEXT])
    rows = engine.to_arrow(workspace.config.engine, table.order_by("app_id"))
    assert rows["app_id"].to_pylist() == ["a", "b", "c"]
    assert rows["shelf"].to_pylist() == [None, None, "top"]
    assert rows["position"].type == pa.int32()
    assert rows.column_names == ["request_id", "app_id", "position", "shelf"]


def test_days_without_files_are_a_table_without_rows(workspace: Workspace) -> None:
    table = engine.read_days(workspace, "apps", [DAY])
    assert engine.to_arrow(workspace.config.engine, table).num_rows == 0
    assert "category" in table.columns


def test_a_key_of_another_type_is_one_sentence(workspace: Workspace) -> None:
    write(workspace, DAY, shown("a", pa.scalar("first")))
    with pytest.raises(BadInput, match=r"day=2024-03-02: column 'position' is string, expected"):
        engine.read_days(workspace, "impressions", [DAY])


def test_a_missing_key_is_one_sentence(workspace: Workspace) -> None:
    write(workspace, DAY, shown("a", pa.scalar(1)).drop_columns("request_id"))
    with pytest.raises(BadInput, match="column 'request_id' is missing, expected string"):
        engine.read_days(workspace, "impressions", [DAY])


def test_tables_are_written_in_order_and_read_back(workspace: Workspace, tmp_path: Path) -> None:
    settings = workspace.config.engine
    table = ibis.memtable(pa.table({"x": range(1_000)})).order_by(ibis.desc("x"))
    engine.write_parquet(settings, table, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet")["x"].to_pylist() == list(range(999, -1, -1))
    back = engine.read_parquet(settings, [tmp_path / "x.parquet"])
    assert engine.to_arrow(settings, back).num_rows == 1_000


def test_one_process_has_one_connection(workspace: Workspace) -> None:
    settings = workspace.config.engine
    assert engine.connect(settings) is engine.connect(settings)
    limits = engine.connect(settings).con.execute(
        "select current_setting('threads'), current_setting('TimeZone')"
    )
    assert limits.fetchone() == (settings.num_threads, "UTC")
