import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, make_workspace, write_clean_day
from data_half import judge

from pipeline.artifacts import ExampleAnomalies, ExampleStatistics
from pipeline.example_validator import last_passed
from pipeline.store import Store
from recsys.errors import BadInput
from recsys.features import anomalies, schema
from recsys.tables import Table
from recsys.workspace import Workspace

DAYS = [DAY + dt.timedelta(days=i) for i in range(3)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of three clean days, of which the first has been judged."""
    workspace = make_workspace(tmp_path_factory.mktemp("clean"))
    for day in DAYS:
        write_clean_day(workspace, day)
    assert judge(Store(workspace), DAYS[0]) == []
    return workspace.root


@pytest.fixture
def store(clean: Path, tmp_path: Path) -> Store:
    """A store of one's own of these days."""
    return Store(Workspace(shutil.copytree(clean, tmp_path / "copy")))


def errors(store: Store, day: dt.date) -> dict[str, str]:
    """The descriptions of what would stop a run, by name."""
    return {row.name: row.description for row in judge(store, day) if row.severity == "error"}


def change(workspace: Workspace, table: Table, day: dt.date, column: str, values: Any) -> None:
    [file] = workspace.files(table, day)
    rows = pq.read_table(file)
    place = rows.column_names.index(column)
    pq.write_table(rows.set_column(place, column, values), file)


def column(workspace: Workspace, table: Table, day: dt.date, name: str) -> pa.ChunkedArray:
    [file] = workspace.files(table, day)
    return pq.read_table(file)[name]


def test_clean_days_with_new_apps_raise_nothing(store: Store) -> None:
    assert [judge(store, day) for day in DAYS] == [[], [], []]
    assert schema.versions(store.workspace) == [1]
    approval = schema.approval(store.workspace, 1)
    assert (approval["why"], approval["since"]) == ("inferred from span 2024-03-02", "2024-03-02")


def test_how_far_features_moved_is_measured_from_the_day_before(store: Store) -> None:
    judge(store, DAYS[1])
    found = store.current(ExampleAnomalies, DAYS[1])
    assert {"country", "device", "price"} <= set(
        anomalies.distances(anomalies.load(found.anomalies))
    )
    read = {(one.component, one.span) for one in found.record.inputs}
    assert ("statistics_gen", "2024-03-02") in read


def test_lower_cased_countries_are_named(store: Store) -> None:
    lower = pc.utf8_lower(column(store.workspace, "requests", DAYS[1], "country"))
    change(store.workspace, "requests", DAYS[1], "country", lower)
    country = errors(store, DAYS[1])["country"]
    assert country.startswith("100.0% of values are outside the domain")
    assert "'de' (200)" in country


def test_a_column_that_is_gone_is_named(store: Store) -> None:
    [file] = store.workspace.files("requests", DAYS[1])
    pq.write_table(pq.read_table(file).drop_columns("device"), file)
    assert errors(store, DAYS[1]) == {"device": "the column is in the schema, but not in the data"}


def test_a_column_that_no_model_reads_only_warns(store: Store) -> None:
    [file] = store.workspace.files("requests", DAYS[1])
    rows = pq.read_table(file)
    pq.write_table(rows.append_column("network", pa.array(["5g"] * len(rows))), file)
    [row] = judge(store, DAYS[1])
    assert (row.name, row.short, row.severity) == ("network", "New column", "warning")


def test_impressions_of_unknown_apps_and_requests_are_named(store: Store) -> None:
    ids = column(store.workspace, "impressions", DAYS[1], "app_id").to_pylist()
    renamed = pa.array([*ids[:-90], *(f"x{i}" for i in range(90))])
    change(store.workspace, "impressions", DAYS[1], "app_id", renamed)
    ids = column(store.workspace, "impressions", DAYS[2], "request_id").to_pylist()
    renamed = pa.array([*ids[:-90], *(f"x{i}" for i in range(90))])
    change(store.workspace, "impressions", DAYS[2], "request_id", renamed)
    of_apps, of_requests = errors(store, DAYS[1]), errors(store, DAYS[2])
    assert of_apps["impressions.app_id"].startswith("5.00% of rows name one that does not exist")
    assert "5.00% of rows" in of_requests["impressions.request_id"]


def test_rows_that_come_twice_are_named(store: Store) -> None:
    [file] = store.workspace.files("requests", DAYS[1])
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows, rows.slice(0, 60)]), file)
    found = errors(store, DAYS[1])
    assert found["requests.request_id"].startswith("9.09% of rows repeat another row's key")


def test_yesterdays_file_is_named(store: Store) -> None:
    [yesterdays] = store.workspace.files("requests", DAYS[0])
    [todays] = store.workspace.files("requests", DAYS[1])
    todays.write_bytes(yesterdays.read_bytes())
    found = errors(store, DAYS[1])
    assert found["requests.request_id"].startswith("100.00% of rows have a key that the day before")
    assert "values reach down to -86,400" in found["requests.time"]
    assert "100.0% of rows are of another day" in found["requests.time"]


def test_a_snapshot_and_a_table_that_are_late_are_named(store: Store) -> None:
    for table in ("users", "outcomes"):
        [file] = store.workspace.files(table, DAYS[1])
        file.unlink()
        file.parent.rmdir()
    found = errors(store, DAYS[1])
    assert found["users.user_id"] == "the snapshot of users is 1 day old, expected at most 0 days"
    assert found["outcomes"] == "the day has no outcomes, the reference has 200"


def test_a_day_that_is_nearly_empty_is_named(store: Store) -> None:
    write_clean_day(store.workspace, DAYS[1], num_requests=30)
    descriptions = [row.description for row in judge(store, DAYS[1])]
    assert "the span has 90 examples, expected at least 360" in descriptions


def test_a_day_is_compared_with_the_last_one_that_passed(store: Store) -> None:
    [file] = store.workspace.files("requests", DAYS[1])
    pq.write_table(pq.read_table(file).drop_columns("device"), file)
    assert errors(store, DAYS[1])
    assert judge(store, DAYS[2]) == []
    [last] = last_passed(store, DAYS[2])
    assert last == store.current(ExampleStatistics, DAYS[0])
    assert last_passed(store, DAYS[0]) == []


def test_a_feature_without_a_column_is_refused_on_the_first_day(tmp_path: Path) -> None:
    features = {"network": {"table": "requests", "kind": "category", "models": ["deep"]}}
    workspace = make_workspace(
        tmp_path, features=features, ranking={"crosses": []}, evaluation={"slices": []}
    )
    write_clean_day(workspace, DAY)
    with pytest.raises(BadInput, match="the logs have no column 'network'"):
        judge(Store(workspace), DAY)
    assert schema.versions(workspace) == []
