import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_files import MINIMAL, TIMED, make, rows, run

from recsys.tables import SCHEMAS, Table
from recsys.workspace import Workspace, digest_of_folder

ATOMIC = {
    "interactions": (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "u1\ta\t5\t86400\n"  # when 2 January 1970 begins
        "u2\tb\t3\t86399.5\n"  # half a second before
        "u1\tb\t4\t90000\n"
        "u3\tz\t1\t86400\n"
    ),
    "users": "user_id:token\tage:token\tzip:token\nu1\t24\t01234\nu9\t\t5\n",
    "apps": (
        "item_id:token\tname:token_seq\tclass:token_seq\tsize:float\tlat_long:float_seq\n"
        "a\tToy  Story\tComedy Children's\t1.5\t0.5 -2\n"
        "b\tOthello\t\t\t\n"
    ),
}
ATOMIC_COLUMNS = {
    "interactions": {
        "user_id": "user_id",
        "app_id": "item_id",
        "value": "rating",
        "time": "timestamp",
    },
    "users": {"user_id": "user_id", "age": "age", "zip": "zip"},
    "apps": {
        "app_id": "item_id",
        "title": "name",
        "genres": "class",
        "size_mb": "size",
        "place": "lat_long",
    },
}
AGE = {"age": {"table": "users", "kind": "number", "models": ["deep"]}}


def utc(*args: int) -> dt.datetime:
    return dt.datetime(*args, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


@pytest.fixture
def atomic(tmp_path: Path) -> Workspace:
    return make(tmp_path, ATOMIC, ATOMIC_COLUMNS, AGE, format="recbole")


def test_atomic_files_become_daily_tables(atomic: Workspace) -> None:
    imported = run(atomic)

    [first] = rows(atomic, "outcomes", "1970-01-01")
    assert first == {
        "event_id": first["event_id"],
        "request_id": first["request_id"],
        "user_id": "u2",
        "app_id": "b",
        "time": utc(1970, 1, 1, 23, 59, 59, 500_000),
        "kind": "install",
        "value": 3.0,
    }
    assert rows(atomic, "requests", "1970-01-01") == [
        {"request_id": first["request_id"], "user_id": "u2", "time": first["time"]}
    ]
    second = rows(atomic, "outcomes", "1970-01-02")
    assert [(r["user_id"], r["app_id"], r["time"]) for r in second] == [
        ("u1", "a", utc(1970, 1, 2)),
        ("u3", "z", utc(1970, 1, 2)),
        ("u1", "b", utc(1970, 1, 2, 1)),
    ]
    assert rows(atomic, "users", "1970-01-01") == [
        {"user_id": "u1", "installed_app_ids": [], "age": 24.0, "zip": "01234"},
        {"user_id": "u9", "installed_app_ids": [], "age": None, "zip": "5"},
        {"user_id": "u2", "installed_app_ids": [], "age": None, "zip": None},
        {"user_id": "u3", "installed_app_ids": [], "age": None, "zip": None},
    ]
    assert rows(atomic, "apps", "1970-01-01") == [
        {
            "app_id": "a",
            "title": "Toy  Story",
            "genres": ["Comedy", "Children's"],
            "size_mb": 1.5,
            "place": [0.5, -2.0],
        },
        {"app_id": "b", "title": "Othello", "genres": None, "size_mb": None, "place": None},
        {"app_id": "z", "title": None, "genres": None, "size_mb": None, "place": None},
    ]
    assert sorted(path.name for path in atomic.logs.iterdir()) == [
        "apps",
        "outcomes",
        "requests",
        "users",
    ]
    assert imported.num_kept == {"interactions": 4, "users": 2, "apps": 2}
    assert (imported.num_users, imported.num_apps, imported.num_days) == (4, 3, 2)
    assert [note.split(" of the")[0] for note in imported.notes] == ["2 users", "1 apps"]


def test_tables_have_the_columns_and_types_of_the_schema_and_then_the_further_ones(
    atomic: Workspace,
) -> None:
    run(atomic)
    further: dict[Table, list[pa.Field]] = {
        "requests": [],
        "outcomes": [pa.field("value", pa.float32())],
        "users": [pa.field("age", pa.float32()), pa.field("zip", pa.string())],
        "apps": [
            pa.field("genres", pa.list_(pa.string())),
            pa.field("place", pa.list_(pa.float32())),
        ],
    }
    for table, fields in further.items():
        path = atomic.logs / table / "day=1970-01-01" / "part-0.parquet"
        assert pq.read_schema(path).equals(pa.schema([*SCHEMAS[table], *fields]))


def test_each_interaction_is_a_request_of_its_own_whatever_the_files_order(tmp_path: Path) -> None:
    files = ["user,app,when\nu,a,5\nu,b,5\nv,a,5\n", "user,app,when\nv,a,5\nu,b,5\nu,a,5\n"]
    ids = []
    for number, text in enumerate(files):
        (tmp_path / str(number)).mkdir()
        workspace = make(tmp_path / str(number), {"interactions": text}, {"interactions": TIMED})
        run(workspace)
        outcomes = rows(workspace, "outcomes", "1970-01-01")
        requests = rows(workspace, "requests", "1970-01-01")
        assert [r["request_id"] for r in requests] == [o["request_id"] for o in outcomes]
        ids.append(
            {(o["user_id"], o["app_id"]): (o["request_id"], o["event_id"]) for o in outcomes}
        )
    assert ids[0] == ids[1]
    assert len(set(ids[0].values())) == 3


def test_csv_with_quotes_other_delimiters_and_lists(tmp_path: Path) -> None:
    apps = (
        '\ufeff"app";"name";"sold in";"price"\r\n'
        'a;"Say ""hi""; twice\nor thrice";US|DE;0\r\n'
        'b;"";"";1.25\r\n'
    )
    workspace = make(
        tmp_path,
        {"interactions": "user;app\nu;a\n", "apps": apps},
        {
            "interactions": MINIMAL,
            "apps": {"app_id": "app", "title": "name", "countries": "sold in", "price": "price"},
        },
        delimiter=";",
        sequence_separator="|",
    )
    run(workspace)
    assert rows(workspace, "apps", "2024-01-01") == [
        {
            "app_id": "a",
            "title": 'Say "hi"; twice\nor thrice',
            "countries": ["US", "DE"],
            "price": 0.0,
        },
        {"app_id": "b", "title": None, "countries": None, "price": 1.25},
    ]


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("86401", "s", utc(1970, 1, 2, 0, 0, 1)),
        ("86400.25", "s", utc(1970, 1, 2, 0, 0, 0, 250_000)),
        ("1709287200123", "ms", utc(2024, 3, 1, 10, 0, 0, 123_000)),
        ("1709287200123456", "us", utc(2024, 3, 1, 10, 0, 0, 123_456)),
        ("2024-03-01", "s", utc(2024, 3, 1)),
        ("2024-03-01 10:00:00", "s", utc(2024, 3, 1, 10)),
        ("2024-03-01T10:00:00.5Z", "s", utc(2024, 3, 1, 10, 0, 0, 500_000)),
        ("2024-03-01 01:00:00+02:00", "s", utc(2024, 2, 29, 23)),
    ],
)
def test_times_are_numbers_of_a_unit_or_texts_in_utc(
    tmp_path: Path, text: str, unit: str, expected: dt.datetime
) -> None:
    files = {"interactions": f"user,app,when\nu,a,{text}\n"}
    workspace = make(tmp_path, files, {"interactions": TIMED}, time_unit=unit)
    run(workspace)
    [row] = rows(workspace, "requests", expected.date().isoformat())
    assert row["time"] == expected


def test_a_dry_run_takes_and_leaves_the_same_and_writes_nothing(atomic: Workspace) -> None:
    before = digest_of_folder(atomic.root)
    arguments = ("data", "import", "--workspace", str(atomic.root))
    command = [sys.executable, "-m", "recsys", *arguments]
    planned = subprocess.run(
        [*command, "--dry-run"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert digest_of_folder(atomic.root) == before
    assert planned[-1].startswith("Nothing was written")
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert planned[:-1] == done.splitlines()


def test_without_time_all_happens_as_the_configured_day_begins(tmp_path: Path) -> None:
    files = {"interactions": "user,app\nu,a\nu,b\n"}
    workspace = make(tmp_path, files, {"interactions": MINIMAL}, day=dt.date(2020, 5, 17))
    imported = run(workspace)
    assert {r["time"] for r in rows(workspace, "requests", "2020-05-17")} == {utc(2020, 5, 17)}
    assert (imported.first_day, imported.num_days) == (dt.date(2020, 5, 17), 1)
    assert 'split = "random"' in imported.notes[0]


def test_what_is_known_of_a_request_stays_with_it(tmp_path: Path) -> None:
    workspace = make(
        tmp_path,
        {"interactions": "user,app,when,land,weather\nu,a,0,DE,rain\n"},
        {"interactions": {**TIMED, "country": "land", "weather": "weather"}},
    )
    run(workspace)
    [request] = rows(workspace, "requests", "1970-01-01")
    assert (request["country"], request["weather"]) == ("DE", "rain")
    assert "weather" not in rows(workspace, "outcomes", "1970-01-01")[0]


def test_parquet_types_become_ours(tmp_path: Path) -> None:
    interactions = pa.table(
        {
            "user": pa.array([7, 8], pa.int64()),
            "app": pa.array(["a", "b"]).dictionary_encode(),
            "when": pa.array(
                [dt.datetime(2024, 3, 1, 23), dt.datetime(2024, 3, 2, 1)],
                pa.timestamp("ns", tz="America/New_York"),
            ),
        }
    )
    apps = pa.table(
        {
            "app": ["a", "b"],
            "released": pa.array([dt.date(2020, 2, 29), None]),
            "price": pa.array([float("nan"), 2.0]),
            "stars": pa.array([3, 4], pa.int8()),
            "tags": pa.array([["x", "y"], []], pa.large_list(pa.string())),
            "is_game": [True, None],
        }
    )
    workspace = make(
        tmp_path,
        {"interactions": interactions, "apps": apps},
        {
            "interactions": TIMED,
            "apps": {
                "app_id": "app",
                "release_day": "released",
                "price": "price",
                "stars": "stars",
                "tags": "tags",
                "is_game": "is_game",
            },
        },
        format="parquet",
    )
    run(workspace)
    [first] = rows(workspace, "requests", "2024-03-01")
    assert (first["user_id"], first["time"]) == ("7", utc(2024, 3, 1, 23))
    assert rows(workspace, "apps", "2024-03-01") == [
        {
            "app_id": "a",
            "price": None,
            "release_day": dt.date(2020, 2, 29),
            "stars": 3.0,
            "tags": ["x", "y"],
            "is_game": "true",
        },
        {
            "app_id": "b",
            "price": 2.0,
            "release_day": None,
            "stars": 4.0,
            "tags": [],
            "is_game": None,
        },
    ]


def test_the_same_files_give_the_same_bytes_over_many_batches_and_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.importers.delimited._BLOCK_BYTES", 2**19)
    num = 140_000  # more than one batch of writing
    # 104,729 is a prime, so the times are all those below `num`, shuffled.
    lines = "".join(f"u{i * 7919 % 1_000},a{i},{i * 104_729 % num}\n" for i in range(num))
    workspace = make(tmp_path, {"interactions": f"user,app,when\n{lines}"}, {"interactions": TIMED})
    run(workspace)
    digest = digest_of_folder(workspace.logs)
    imported = run(workspace)
    assert digest_of_folder(workspace.logs) == digest
    times = [
        [row["time"].timestamp() for row in rows(workspace, "requests", day)]
        for day in ("1970-01-01", "1970-01-02")
    ]
    assert times == [list(range(86_400)), list(range(86_400, num))]
    assert (imported.num_users, imported.num_apps) == (1_000, num)


KILLED = """
import os, signal, sys
from pathlib import Path
from rich.progress import Progress
from data.importers.importing import import_logs
from recsys.workspace import Workspace

class Killer(Progress):
    def add_task(self, description, **kwargs):
        self.reach(description)
        return super().add_task(description, **kwargs)
    def advance(self, task, amount):
        self.reach("half of the days")
    def reach(self, step):
        if step == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)

import_logs(Workspace(Path(sys.argv[1])), Killer(disable=True))
"""


@pytest.mark.parametrize("step", ["check users", "half of the days"])
def test_a_killed_import_leaves_no_logs_and_the_next_one_does_its_work(
    atomic: Workspace, step: str
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(atomic.root), step],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert not atomic.logs.exists()
    assert run(atomic).num_kept["interactions"] == 4
