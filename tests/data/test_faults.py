import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from data.breaking import break_day, known, rehearse
from data.faults import FAULTS
from data.generate import generate
from recsys import config
from recsys.errors import BadInput
from recsys.features import spec
from recsys.tables import SCHEMAS, TABLES, Table
from recsys.workspace import Workspace, digest_of_folder

MONDAY = dt.date(2024, 3, 4)
SUNDAY = MONDAY - dt.timedelta(days=1)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Four days of a small store, the last of them to be broken, and some of what a run leaves."""
    root = tmp_path_factory.mktemp("store")
    world = {"num_apps": 300, "num_users": 150, "num_days": 4, "new_apps_per_day": 0.02}
    settings = config.parse({"extends": "tiny", "seed": 7, "world": world}, "faults")
    (root / config.FILE_NAME).write_text(config.render(settings))
    place = Workspace(root)
    generate(place, 4)
    for name in ("schema/version=1/schema.pbtxt", "artifacts/x/y.bin", "artifacts/.lock",
                 "bundles/CURRENT", "bundles/history.jsonl", "serving/users.mdb"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name}\n")
    return place


def rows(workspace: Workspace, table: Table, day: dt.date = MONDAY) -> pa.Table:
    return pa.concat_tables(pq.ParquetFile(file).read() for file in workspace.files(table, day))


def test_there_are_faults_and_each_has_a_story() -> None:
    assert len(FAULTS) >= 15
    assert all(fault.story.endswith(".") and fault.touches for fault in FAULTS.values())


def test_faults_touch_features_that_there_are(workspace: Workspace) -> None:
    columns = {f"{table}.{column}" for table in TABLES for column in SCHEMAS[table].names}
    features = {*spec.columns(workspace.config.features), *workspace.config.features}
    labels = {"user_id", "app_id", "position", "clicked", "installed", "time"}
    known = columns | features | labels | {*TABLES, "dataset"}
    for fault in FAULTS.values():
        assert set(fault.touches) <= known, fault.name


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_breaks_the_copy_alone_and_the_same_way_each_time(
    name: str, workspace: Workspace, tmp_path: Path
) -> None:
    before = digest_of_folder(workspace.root)
    changes = break_day(workspace, FAULTS[name], MONDAY, tmp_path / "one")
    assert changes
    assert rehearse(workspace, FAULTS[name], MONDAY) == changes
    break_day(workspace, FAULTS[name], None, tmp_path / "two")
    assert digest_of_folder(workspace.root) == before
    assert digest_of_folder(tmp_path / "one") == digest_of_folder(tmp_path / "two")
    named = {tuple(change.split()[:2]) for change in changes}
    for table in TABLES:
        for day in workspace.days(table):
            is_same = same(workspace, Workspace(tmp_path / "one"), table, day)
            assert is_same != ((table, day.isoformat()) in named)
            assert is_same or day == MONDAY or name == "slow-drift"


def same(left: Workspace, right: Workspace, table: Table, day: dt.date) -> bool:
    return [file.read_bytes() for file in left.files(table, day)] == [
        file.read_bytes() for file in right.files(table, day)
    ]


def test_what_may_grow_or_be_edited_is_copied_and_the_rest_linked(
    workspace: Workspace, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    break_day(workspace, FAULTS["case-changed"], MONDAY, copy)
    linked = {
        path.relative_to(copy).as_posix(): path.samefile(workspace.root / path.relative_to(copy))
        for path in copy.rglob("*")
        if path.is_file() and "logs" not in path.parts
    }
    assert linked == {
        "recsys.toml": False,
        "schema/version=1/schema.pbtxt": False,
        "artifacts/x/y.bin": True,
        "bundles/CURRENT": True,
        "bundles/history.jsonl": False,
    }


def test_some_faults_do_what_their_story_says(workspace: Workspace, tmp_path: Path) -> None:
    def broken(name: str) -> Workspace:
        break_day(workspace, FAULTS[name], MONDAY, tmp_path / name)
        return Workspace(tmp_path / name)

    assert "device" not in rows(broken("feature-missing"), "requests").column_names
    prices = rows(workspace, "apps")["price"], rows(broken("unit-changed"), "apps")["price"]
    assert pc.max(prices[1]).as_py() == pytest.approx(100 * pc.max(prices[0]).as_py())
    ratings = rows(broken("call-failed"), "apps")["rating"]
    assert 0.1 < pc.mean(pc.equal(ratings, -1)).as_py() < 0.3
    countries = rows(broken("case-changed"), "requests")["country"].unique().to_pylist()
    assert all(country == country.lower() for country in countries)
    times = rows(broken("local-time"), "requests")["time"]
    assert pc.min(times).as_py().date() == SUNDAY
    assert rows(broken("rows-doubled"), "impressions").num_rows == 2 * len(
        rows(workspace, "impressions")
    )
    assert rows(broken("yesterday-again"), "outcomes").equals(rows(workspace, "outcomes", SUNDAY))
    noon = dt.datetime.combine(MONDAY, dt.time(12), dt.UTC)
    half = broken("half-day-missing")
    assert pc.max(rows(half, "requests")["time"]).as_py() < noon
    shown = rows(half, "impressions")["request_id"].unique().to_pylist()
    assert 0 < len(shown) <= rows(half, "requests").num_rows < rows(workspace, "requests").num_rows
    assert set(shown) <= set(rows(half, "requests")["request_id"].to_pylist())
    assert pc.max(
        pc.list_value_length(rows(broken("list-empty"), "users")["installed_app_ids"])
    ) == (pa.scalar(0, pa.int32()))
    assert not broken("impressions-missing").day("impressions", MONDAY).exists()


def test_a_slow_drift_grows_day_by_day(workspace: Workspace, tmp_path: Path) -> None:
    break_day(workspace, FAULTS["slow-drift"], MONDAY, tmp_path / "copy")
    drifted = [
        pc.mean(rows(Workspace(tmp_path / "copy"), "apps", day)["size_mb"]).as_py()
        / pc.mean(rows(workspace, "apps", day)["size_mb"]).as_py()
        for day in workspace.days("apps")
    ]
    assert drifted == pytest.approx([1.1, 1.2, 1.3, 1.4], rel=1e-4)


def test_what_cannot_be_broken_is_said_and_nothing_is_left(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="'nothing': choose one of feature-missing, call-failed"):
        known("nothing")
    with pytest.raises(BadInput, match="found the days 2024-03-01 to 2024-03-04 in"):
        break_day(workspace, FAULTS["local-time"], MONDAY + dt.timedelta(days=9), tmp_path / "x")
    first = dt.date(2024, 3, 1)
    with pytest.raises(BadInput, match="found no day before 2024-03-01"):
        break_day(workspace, FAULTS["yesterday-again"], first, tmp_path / "x")
    (tmp_path / "there").mkdir()
    with pytest.raises(BadInput, match="exists already"):
        break_day(workspace, FAULTS["local-time"], MONDAY, tmp_path / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_fault_of_what_the_logs_do_not_have_is_said(workspace: Workspace, tmp_path: Path) -> None:
    break_day(workspace, FAULTS["impressions-missing"], MONDAY, tmp_path / "one")
    with pytest.raises(BadInput, match="impressions of 2024-03-04, found no file of it"):
        rehearse(Workspace(tmp_path / "one"), FAULTS["rows-doubled"], MONDAY)
    break_day(workspace, FAULTS["feature-missing"], MONDAY, tmp_path / "two")
    with pytest.raises(BadInput, match="column 'device' of requests, found only request_id"):
        rehearse(Workspace(tmp_path / "two"), FAULTS["enum-renamed"], MONDAY)
    break_day(workspace, FAULTS["case-changed"], MONDAY, tmp_path / "three")
    with pytest.raises(BadInput, match="case-changed finds nothing to change on 2024-03-04"):
        rehearse(Workspace(tmp_path / "three"), FAULTS["case-changed"], MONDAY)
