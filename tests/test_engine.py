"""What every engine must do, over each of them."""

import datetime as dt
import math
from pathlib import Path
from typing import cast

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys import config, engine
from recsys.engine.lists import collected
from recsys.errors import BadInput
from recsys.workspace import Workspace

DAY = dt.date(2024, 3, 2)
NEXT = dt.date(2024, 3, 3)
NOON = dt.datetime(2024, 3, 2, 12, 0, 0, 250_001, tzinfo=dt.UTC)


@pytest.fixture(params=["duckdb", "spark"])
def settings(request: pytest.FixtureRequest) -> config.Engine:
    if request.param == "spark":
        return cast(config.Engine, request.getfixturevalue("spark_engine"))
    return config.Engine()


@pytest.fixture
def workspace(settings: config.Engine, tmp_path: Path) -> Workspace:
    configuration = config.preset("tiny").model_copy(update={"engine": settings})
    (tmp_path / config.FILE_NAME).write_text(config.render(configuration))
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
    write(workspace, NEXT, shown("c", pa.scalar(3, pa.int32()), shelf="top"))
    table = engine.read_days(workspace, "impressions", [DAY, NEXT])
    rows = engine.to_arrow(workspace.config.engine, table.order_by("app_id"))
    assert rows["app_id"].to_pylist() == ["a", "b", "c"]
    assert rows["position"].to_pylist() == [1, 2, 3]
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


def test_tables_are_written_in_order_and_read_back(settings: config.Engine, tmp_path: Path) -> None:
    numbers = list(range(10_000))
    table = ibis.memtable(pa.table({"x": numbers})).order_by(ibis.desc("x"))
    engine.write_parquet(settings, table, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet")["x"].to_pylist() == numbers[::-1]
    back = engine.read_parquet(settings, [tmp_path / "x.parquet"])
    assert engine.to_arrow(settings, back).num_rows == 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_a_table_without_rows_is_a_file_with_its_columns(
    settings: config.Engine, tmp_path: Path
) -> None:
    table = ibis.memtable(pa.table({"x": [1]}))
    engine.write_parquet(settings, table.filter(table.x > 1), tmp_path / "x.parquet")
    written = pq.read_table(tmp_path / "x.parquet")
    assert (written.num_rows, written.schema.types) == (0, [pa.int64()])


def test_values_come_back_as_they_were_written(settings: config.Engine, tmp_path: Path) -> None:
    values = pa.table(
        {
            "time": pa.array([NOON, None], pa.timestamp("us", "UTC")),
            "local": pa.array([NOON.replace(tzinfo=None), None], pa.timestamp("us")),
            "day": pa.array([DAY, None]),
            "number": pa.array([1.5, None], pa.float32()),
            "count": pa.array([2**53 + 1, None], pa.int64()),
            "position": pa.array([7, None], pa.int32()),
            "installed": [True, None],
            "title": ["Zürich 東京\n", None],
            "apps": pa.array([["b", "a", "b"], []], pa.list_(pa.string())),
        }
    )
    pq.write_table(values, tmp_path / "in.parquet")
    read = engine.read_parquet(settings, [tmp_path / "in.parquet"])
    engine.write_parquet(settings, read.order_by("day"), tmp_path / "out.parquet")
    for found in (
        engine.to_arrow(settings, read.order_by("day")),
        pq.read_table(tmp_path / "out.parquet"),
    ):
        assert found.schema.types == values.schema.types
        assert found.to_pylist() == values.to_pylist()


def test_nan_is_a_number_and_no_missing_value(settings: config.Engine) -> None:
    nan = float("nan")
    table = ibis.memtable(pa.table({"x": pa.array([1.0, nan, nan, None], pa.float64())}))
    figures = table.aggregate(
        present=table.x.count(), nan=table.x.isnan().sum(), missing=table.x.isnull().sum()
    )
    assert engine.to_arrow(settings, figures).to_pylist() == [
        {"present": 3, "nan": 2, "missing": 1}
    ]
    kept = engine.to_arrow(settings, table.filter(table.x.notnull()))["x"].to_pylist()
    assert sorted(map(math.isnan, kept)) == [False, True, True]


def test_what_a_cast_cannot_represent_is_an_error(settings: config.Engine) -> None:
    table = ibis.memtable(pa.table({"x": ["1", "one"]}))
    with pytest.raises(Exception, match="one"):
        engine.to_arrow(settings, table.select(x=table.x.cast("int64")))


def test_lists_are_collected_in_order(settings: config.Engine) -> None:
    rows = ibis.memtable(
        pa.table(
            {
                "user": ["u", "u", "u", "v"],
                "app": ["a", "b", "c", "d"],
                "time": [2, 1, 1, 0],
                "place": [0, 2, 1, 0],
            }
        )
    )
    apps = collected(rows.app, order_by=[rows.time, rows.place])
    found = engine.to_arrow(settings, rows.group_by("user").agg(apps=apps).order_by("user"))
    assert found["apps"].to_pylist() == [["c", "b", "a"], ["d"]]


def test_one_process_has_one_connection(settings: config.Engine) -> None:
    connection = engine.connect(settings)
    assert engine.connect(settings.model_copy()) is connection
