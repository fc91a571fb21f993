import datetime as dt
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, make_workspace, write_clean_day
from data_half import judge

from pipeline.commands import review
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


def double_impressions(workspace: Workspace, day: dt.date) -> None:
    [file] = workspace.files("impressions", day)
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows, rows]), file)


def test_what_was_not_found_cannot_be_approved(store: Store) -> None:
    expected = "nothing can be approved for price, expected one of country, device"
    with pytest.raises(BadInput, match=expected):
        review.approve(store, ["device", "price"], WHY)


def test_a_day_that_cannot_be_mended_passes_when_a_person_names_what_is_wrong(
    store: Store,
) -> None:
    for day in DAYS[1:]:
        double_impressions(store.workspace, day)
        judge(store, day)
    keys = {"impressions.app_id", "impressions.position"}

    review.approve(store, [], WHY)
    assert {one.name for one in review.open_anomalies(store)} >= keys, "not approved by --all"

    named = {one.name for one in review.open_anomalies(store)}
    approval = review.approve(store, named, "the job's logs are gone")
    waived = [one for one in approval.decisions if one.name == "impressions.app_id"]
    assert [one.change for one in waived] == ["let this day pass as it is"] * 2
    assert review.open_anomalies(store) == []
    for day in DAYS[1:]:
        rows = judge(store, day)
        assert {row.name for row in rows} >= keys, "it is still said"
        assert {row.severity for row in rows} == {"warning"}, "and stops nothing"


def test_another_day_is_not_let_pass_with_it(store: Store) -> None:
    double_impressions(store.workspace, DAYS[1])
    judge(store, DAYS[1])
    named = {one.name for one in review.open_anomalies(store)}
    review.approve(store, named, WHY)
    double_impressions(store.workspace, DAYS[2])
    found = {row.name: row.severity for row in judge(store, DAYS[2])}
    assert found["impressions.app_id"] == "error"


def test_without_anomalies_nothing_can_be_approved(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_clean_day(workspace, DAY)
    store = Store(workspace)
    with pytest.raises(BadInput, match="there is no schema yet: `recsys run` infers one"):
        review.open_anomalies(store)
    judge(store, DAY)
    with pytest.raises(BadInput, match="nothing can be approved for all at once"):
        review.approve(store, [], WHY)
