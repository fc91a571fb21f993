import datetime as dt
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, make_workspace, write_clean_day
from data_half import judge

from pipeline import review
from pipeline.store import Store
from recsys.errors import BadInput
from recsys.features import schema
from recsys.workspace import Workspace

DAYS = [DAY + dt.timedelta(days=i) for i in range(3)]
WHY = "we looked, and it is right"


def lower_countries(workspace: Workspace, day: dt.date) -> None:
    [file] = workspace.files("requests", day)
    rows = pq.read_table(file)
    lower = pc.utf8_lower(rows["country"])
    pq.write_table(rows.set_column(rows.column_names.index("country"), "country", lower), file)


def without_device(workspace: Workspace, day: dt.date) -> None:
    [file] = workspace.files("requests", day)
    pq.write_table(pq.read_table(file).drop_columns("device"), file)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of two days that passed, and one with two things wrong."""
    workspace = make_workspace(tmp_path_factory.mktemp("judged"))
    for day in DAYS:
        write_clean_day(workspace, day)
    lower_countries(workspace, DAYS[2])
    without_device(workspace, DAYS[2])
    store = Store(workspace)
    for day in DAYS:
        judge(store, day)
    return workspace.root


@pytest.fixture
def store(judged: Path, tmp_path: Path) -> Store:
    """A store of one's own of these days."""
    return Store(Workspace(shutil.copytree(judged, tmp_path / "copy")))


def test_what_is_open_is_named_with_its_day_and_what_would_settle_it(store: Store) -> None:
    found = {one.name: one for one in review.open_anomalies(store)}
    assert set(found) == {"country", "device"}
    assert {one.day for one in found.values()} == {DAYS[2]}
    assert found["device"].row.remedy == "deprecate feature"
    added = "add values to domain: 'de', 'fr', 'us'; take this day as a reference too"
    assert found["country"].row.remedy == added


def test_an_approval_is_recorded_and_settles_what_it_names_alone(store: Store) -> None:
    approval = review.approve(store, ["device"], WHY)
    assert approval.version == 2
    record = schema.approval(store.workspace, 2)
    assert (record["why"], record["since"]) == (WHY, str(DAYS[2]))
    assert record["decisions"] == [
        {
            "day": str(DAYS[2]),
            "name": "device",
            "anomaly": "Column dropped",
            "change": "deprecate feature",
        }
    ]
    assert [one.name for one in review.open_anomalies(store)] == ["country"]
    assert [row.name for row in judge(store, DAYS[2])] == ["country"]
    assert review.approve(store, [], WHY).version == 3
    assert judge(store, DAYS[2]) == []
    assert review.open_anomalies(store) == []


def test_days_that_passed_are_judged_as_they_were(store: Store) -> None:
    review.approve(store, [], WHY)
    assert schema.in_force(store.workspace, DAYS[1]) == 1
    assert schema.in_force(store.workspace, DAYS[2]) == 2
    assert [judge(store, day) for day in DAYS] == [[], [], []]


def test_a_rehearsal_writes_nothing(store: Store) -> None:
    rehearsed = review.approve(store, ["device"], WHY, is_dry_run=True)
    assert schema.versions(store.workspace) == [1]
    assert rehearsed == review.approve(store, ["device"], WHY)


def test_a_decision_needs_a_reason(store: Store) -> None:
    with pytest.raises(BadInput, match="expected a reason for those who come after"):
        review.approve(store, ["device"], "  ")
    assert schema.versions(store.workspace) == [1]


def test_what_has_no_proposal_cannot_be_approved(store: Store) -> None:
    expected = "nothing can be approved for price, expected one of country, device"
    with pytest.raises(BadInput, match=expected):
        review.approve(store, ["device", "price"], WHY)
    [file] = store.workspace.files("impressions", DAYS[2])
    rows = pq.read_table(file)
    unknown = pa.array([f"x{i}" for i in range(len(rows))])
    pq.write_table(rows.set_column(rows.column_names.index("app_id"), "app_id", unknown), file)
    judge(store, DAYS[2])
    with pytest.raises(BadInput, match=r"impressions.app_id: mend upstream: deliver"):
        review.approve(store, ["impressions.app_id"], WHY)


def test_without_anomalies_nothing_can_be_approved(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_clean_day(workspace, DAY)
    store = Store(workspace)
    with pytest.raises(BadInput, match="there is no schema yet: `recsys run` infers one"):
        review.open_anomalies(store)
    judge(store, DAY)
    with pytest.raises(BadInput, match="nothing can be approved for any feature"):
        review.approve(store, [], WHY)
