import datetime as dt
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, NEXT, Row, at, impression, make_workspace, outcome, request, write_log

from pipeline.example_gen import example_gen, source_days
from pipeline.integrity import Counts
from recsys.errors import BadInput
from recsys.tables import Table
from recsys.workspace import Workspace


def make(workspace: Workspace, day: dt.date) -> tuple[list[Row], list[Row], Counts]:
    """Runs the component; gives its queries, its examples and how whole its tables are."""
    out = workspace.root / f"out-{day}"
    out.mkdir()
    example_gen(workspace, day, out)
    queries = pq.read_table(out / "queries.parquet").to_pylist()
    examples = pq.read_table(out / "examples.parquet").to_pylist()
    return queries, examples, json.loads((out / "integrity.json").read_text())


def histories(queries: list[Row]) -> dict[str, list[str]]:
    return {query["request_id"]: query["installed_app_ids"] for query in queries}


def test_history_is_what_was_installed_strictly_before_the_request(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_log(workspace, "users", DAY, [{"user_id": "u", "installed_app_ids": ["b", "a"]}])
    times = {"noon": 12, "same": 14, "gone": 16, "back": 20}
    write_log(
        workspace, "requests", DAY, [request(name, "u", at(hour)) for name, hour in times.items()]
    )
    write_log(
        workspace,
        "outcomes",
        DAY,
        [
            outcome("install", "u", "c", at(14), "noon"),  # in the very moment of "same"
            outcome("uninstall", "u", "b", at(15), None),
            outcome("click", "u", "z", at(15), "same"),
            outcome("install", "u", "b", at(18), "gone"),
            outcome("install", "u", "future", at(23), "back"),
            outcome("install", "other", "x", at(10), None),
        ],
    )
    queries, _, _ = make(workspace, DAY)
    assert histories(queries) == {
        "noon": ["b", "a"],
        "same": ["b", "a"],
        "gone": ["a", "c"],
        "back": ["a", "c", "b"],
    }


def test_uninstall_in_the_moment_of_the_request_is_not_known_yet(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_log(workspace, "users", DAY, [{"user_id": "u", "installed_app_ids": ["a"]}])
    write_log(workspace, "requests", DAY, [request("r", "u", at(9)), request("s", "u", at(10))])
    write_log(workspace, "outcomes", DAY, [outcome("uninstall", "u", "a", at(9), None)])
    queries, _, _ = make(workspace, DAY)
    assert histories(queries) == {"r": ["a"], "s": []}


def test_days_since_the_last_snapshot_count_and_earlier_ones_do_not(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    before = DAY - dt.timedelta(days=1)
    write_log(workspace, "users", DAY, [{"user_id": "u", "installed_app_ids": ["a"]}])
    write_log(workspace, "outcomes", before, [outcome("install", "u", "old", at(1, before), None)])
    write_log(workspace, "outcomes", DAY, [outcome("install", "u", "b", at(1), None)])
    write_log(workspace, "outcomes", NEXT, [outcome("install", "u", "c", at(2, NEXT), None)])
    write_log(workspace, "requests", NEXT, [request("r", "u", at(3, NEXT))])
    queries, _, _ = make(workspace, NEXT)
    assert histories(queries) == {"r": ["a", "b", "c"]}
    assert source_days(workspace, NEXT)["outcomes"] == [DAY, NEXT]


def test_history_is_whole_whatever_a_feature_looks_at(tmp_path: Path) -> None:
    features = {
        "installed_app_ids": {
            "table": "users",
            "kind": "categories",
            "models": ["retrieval"],
            "max_length": 2,
        }
    }
    workspace = make_workspace(
        tmp_path, features=features, ranking={"crosses": []}, evaluation={"slices": []}
    )
    write_log(workspace, "users", DAY, [{"user_id": "u", "installed_app_ids": ["a", "b", "c"]}])
    write_log(workspace, "requests", DAY, [request("r", "u", at(1)), request("s", "new", at(1))])
    queries, _, _ = make(workspace, DAY)
    assert histories(queries) == {"r": ["a", "b", "c"], "s": []}


def test_examples_are_impressions_with_labels_of_their_own_page(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_log(workspace, "apps", DAY, [{"app_id": "a", "category": "Tools", "price": 1.5}])
    write_log(workspace, "apps", NEXT, [{"app_id": "a", "category": "later", "price": 9.0}])
    users = [{"user_id": "u", "age_band": "25-34", "country": "of the account"}]
    write_log(workspace, "users", DAY, users)
    requests = [request("late", "u", at(9), country="DE"), request("early", "u", at(8))]
    write_log(workspace, "requests", DAY, requests)
    shown = [impression("late", "a", 2), impression("late", "b", 1), impression("early", "a", 1)]
    write_log(workspace, "impressions", DAY, [*shown, impression("lost", "a", 1)])
    outcomes = [
        outcome("click", "u", "b", at(10), "late"),
        outcome("install", "u", "a", at(10), "late"),
        outcome("install", "u", "a", at(10), "lost"),
        outcome("install", "u", "c", at(10), None),
    ]
    write_log(workspace, "outcomes", DAY, outcomes)
    queries, examples, counts = make(workspace, DAY)

    assert [query["request_id"] for query in queries] == ["early", "late"]
    assert [query["country"] for query in queries] == [None, "DE"]
    assert {query["age_band"] for query in queries} == {"25-34"}
    facts = ["query_row", "app_id", "position", "clicked", "installed", "category", "price"]
    assert [[example[name] for name in facts] for example in examples] == [
        [0, "a", 1, False, False, "Tools", 1.5],
        [1, "b", 1, True, False, None, None],
        [1, "a", 2, True, True, "Tools", 1.5],
    ]
    assert {table: columns[""]["num_rows"] for table, columns in counts.items()} == {
        "apps": 1,
        "users": 1,
        "requests": 2,
        "impressions": 4,
        "outcomes": 4,
    }
    assert counts["impressions"]["request_id"]["least_unlinked"] == "lost"
    assert counts["impressions"]["app_id"]["greatest_unlinked"] == "b"


def test_a_day_without_impressions_gives_an_example_an_install(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_log(workspace, "requests", DAY, [request("r", "u", at(8))])
    write_log(workspace, "outcomes", DAY, [outcome("install", "u", "a", at(8), "r")])
    queries, examples, _ = make(workspace, DAY)
    assert histories(queries) == {"r": []}
    [example] = examples
    assert (example["clicked"], example["installed"]) == (True, True)
    assert example["position"] is None


def test_the_same_logs_give_the_same_bytes(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    requests = [request(f"r{i}", f"u{i % 7}", at(i % 24)) for i in range(500)]
    write_log(workspace, "requests", DAY, requests)
    shown = [impression(f"r{i}", f"a{i * p % 31}", p) for i in range(500) for p in (1, 2, 3)]
    write_log(workspace, "impressions", DAY, shown)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        example_gen(workspace, DAY, tmp_path / name)
    for file in ("queries.parquet", "examples.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_columns_that_nobody_has_heard_of_are_carried_and_undeclared_ones_are_not(
    tmp_path: Path,
) -> None:
    workspace = make_workspace(tmp_path)
    write_log(workspace, "requests", DAY, [request("r", "u", at(8), network="5g")])
    write_log(workspace, "users", DAY, [{"user_id": "u", "language": "of the account"}])
    write_log(workspace, "apps", DAY, [{"app_id": "a", "title": "A", "in_app_ads": True}])
    write_log(workspace, "impressions", DAY, [impression("r", "a", 1)])
    [query], [example], _ = make(workspace, DAY)
    assert query["network"] == "5g"
    assert query["language"] is None
    assert example["in_app_ads"] is True
    assert "title" not in example


def test_a_column_of_two_tables_is_refused(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_log(workspace, "requests", DAY, [request("r", "u", at(8), age=1)])
    write_log(workspace, "users", DAY, [{"user_id": "u", "age": 2}])
    with pytest.raises(BadInput, match="'age' comes from the tables requests and users"):
        make(workspace, DAY)


def test_a_random_split_hides_a_users_other_parts_from_every_example(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, examples={"split": "random"})
    apps = [f"a{i:02}" for i in range(25)]
    taken = [(user, app) for user in ("u", "v") for app in apps] + [("w", "a00")]
    requests = [request(f"{user} {app}", user, at(8)) for user, app in taken]
    installs = [outcome("install", user, app, at(8), f"{user} {app}") for user, app in taken]
    write_log(workspace, "requests", DAY, requests)
    write_log(workspace, "outcomes", DAY, installs)
    queries, examples, _ = make(workspace, DAY)

    users = [queries[example["query_row"]]["user_id"] for example in examples]
    for user, expected in (("u", (21, 2, 2)), ("v", (21, 2, 2)), ("w", (1, 0, 0))):
        splits = [e["split"] for e, of in zip(examples, users, strict=True) if of == user]
        assert tuple(splits.count(s) for s in ("train", "validation", "test")) == expected
    for example, user in zip(examples, users, strict=True):
        train = {
            e["app_id"]
            for e, of in zip(examples, users, strict=True)
            if of == user and e["split"] == "train"
        }
        history = queries[example["query_row"]]["installed_app_ids"]
        assert history == sorted(train - {example["app_id"]})


def test_a_declared_column_that_the_logs_lack_is_there_without_a_value(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_log(workspace, "requests", DAY, [request("r", "u", at(9), country="DE")])
    write_log(workspace, "users", DAY, [{"user_id": "u", "age_band": "18-24"}])
    write_log(workspace, "apps", DAY, [{"app_id": "a", "price": 1.0}])
    write_log(workspace, "impressions", DAY, [impression("r", "a", 1)])
    lacking: list[tuple[Table, str]] = [("users", "age_band"), ("apps", "price")]
    for table, column in lacking:
        [file] = workspace.files(table, DAY)
        pq.write_table(pq.read_table(file).drop_columns(column), file)
    [query], [example], _ = make(workspace, DAY)
    assert (query["country"], query["age_band"], example["price"]) == ("DE", None, None)
    out = workspace.root / f"out-{DAY}"
    assert json.loads((out / "missing.json").read_text()) == ["age_band", "price"]
    types = pq.read_schema(out / "queries.parquet"), pq.read_schema(out / "examples.parquet")
    assert [str(types[0].field("age_band").type), str(types[1].field("price").type)] == [
        "string",
        "double",
    ]
