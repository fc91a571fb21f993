import datetime as dt
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, make_workspace, write_clean_day

from pipeline import logs
from pipeline.artifacts import ExampleAnomalies, Examples, ExampleStatistics, Schema
from pipeline.example_gen import example_gen, source_days
from pipeline.example_validator import errors, example_validator
from pipeline.schema_gen import approved, schema_gen
from pipeline.statistics_gen import statistics_gen
from pipeline.store import Store
from recsys.errors import BadInput
from recsys.features import schema
from recsys.tables import Table
from recsys.workspace import Workspace

DAYS = [DAY + dt.timedelta(days=i) for i in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of three clean days."""
    workspace = make_workspace(tmp_path)
    for day in DAYS:
        write_clean_day(workspace, day)
    return Store(workspace)


def validated(store: Store, day: dt.date) -> list[str]:
    """Runs the data half for a day; the anomalies that would stop it."""
    workspace = store.workspace
    reads = logs.references(workspace, source_days(workspace, day))
    examples, _ = store.run(Examples, partial(example_gen, workspace, day), day, reads=reads)
    step = partial(statistics_gen, examples, workspace.config)
    seen, _ = store.run(ExampleStatistics, step, day)
    version = approved(workspace, seen)
    expected, _ = store.run(Schema, partial(schema_gen, workspace, version), day, reads=[version])
    found, _ = store.run(ExampleAnomalies, partial(example_validator, seen, expected), day)
    return errors(found)


def change(workspace: Workspace, table: Table, day: dt.date, column: str, values: pa.Array) -> None:
    [file] = workspace.files(table, day)
    rows = pq.read_table(file)
    place = rows.column_names.index(column)
    pq.write_table(rows.set_column(place, column, values), file)


def column(workspace: Workspace, table: Table, day: dt.date, name: str) -> pa.ChunkedArray:
    [file] = workspace.files(table, day)
    return pq.read_table(file)[name]


def test_clean_days_with_new_apps_raise_nothing(store: Store) -> None:
    assert [validated(store, day) for day in DAYS] == [[], [], []]
    assert schema.versions(store.workspace) == [1]
    assert schema.approval(store.workspace, 1)["why"] == "inferred from span 2024-03-02"


def test_lower_cased_countries_are_named(store: Store) -> None:
    assert validated(store, DAYS[0]) == []
    lower = pc.utf8_lower(column(store.workspace, "requests", DAYS[1], "country"))
    change(store.workspace, "requests", DAYS[1], "country", lower)
    [error] = validated(store, DAYS[1])
    assert error.startswith("country: 100.0% of values are outside the domain")
    assert "'de' (200)" in error


def test_a_column_that_is_gone_is_named(store: Store) -> None:
    assert validated(store, DAYS[0]) == []
    [file] = store.workspace.files("requests", DAYS[1])
    pq.write_table(pq.read_table(file).drop_columns("device"), file)
    [error] = validated(store, DAYS[1])
    assert error == "device: the column is in the schema, but not in the data"


def test_impressions_of_unknown_apps_and_requests_are_named(store: Store) -> None:
    assert validated(store, DAYS[0]) == []
    ids = column(store.workspace, "impressions", DAYS[1], "app_id").to_pylist()
    change(store.workspace, "impressions", DAYS[1], "app_id", pa.array([*ids[:-90], *["x"] * 90]))
    ids = column(store.workspace, "impressions", DAYS[2], "request_id").to_pylist()
    renamed = pa.array([*ids[:-90], *["x"] * 90])
    change(store.workspace, "impressions", DAYS[2], "request_id", renamed)
    of_apps, of_requests = validated(store, DAYS[1]), validated(store, DAYS[2])
    assert any(error.startswith("app_id: 5.00% of impressions name") for error in of_apps)
    assert any(error.startswith("request_id: 5.00% of impressions name") for error in of_requests)


def test_a_day_that_is_nearly_empty_is_named(store: Store) -> None:
    assert validated(store, DAYS[0]) == []
    write_clean_day(store.workspace, DAYS[1], num_requests=30)
    errors_found = validated(store, DAYS[1])
    assert "the span has 90 examples, expected at least 360" in errors_found


def test_a_feature_without_a_column_is_refused_on_the_first_day(tmp_path: Path) -> None:
    features = {"network": {"table": "requests", "kind": "category", "models": ["deep"]}}
    workspace = make_workspace(tmp_path, features=features, ranking={"crosses": []})
    write_clean_day(workspace, DAY)
    with pytest.raises(BadInput, match="the logs have no column 'network'"):
        validated(Store(workspace), DAY)
    assert schema.versions(workspace) == []
