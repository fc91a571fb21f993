from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from daily_logs import DAY, at, make_workspace, request, write_log

from pipeline.artifacts import Record, TrainedRanking, TrainedRetrieval
from pipeline.base_model import base_model
from pipeline.store import Store
from recsys import pushes
from recsys.bundle import MANIFEST
from recsys.workspace import Workspace

DAYS = [DAY + dt.timedelta(days=n) for n in range(4)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(with_days(tmp_path))


def with_days(root: Path, **sections: object) -> Workspace:
    workspace = make_workspace(root, **sections)
    for day in DAYS:
        write_log(workspace, "requests", day, [request(f"r{day}", "u", at(1, day))])
    return workspace


def trained(store: Store, day: dt.date) -> dict[str, object]:
    """Leaves two models of a day, trained up to the day before; returns the bundle's manifest."""
    lineage = []
    for kind in (TrainedRetrieval, TrainedRanking):
        record = Record(kind.component, day.isoformat(), f"of-{day}", (), "", "", "", 0.0)
        folder = store.folder(record.reference)
        (folder / "rows").mkdir(parents=True)
        (folder / "rows" / "rows.json").write_text("{}")
        (folder / "artifact.json").write_text(json.dumps(record.to_json()))
        last = (day - dt.timedelta(days=1)).isoformat()
        (folder / kind.history_file).write_text(json.dumps({"last_day": last}))
        lineage.append(record.to_json())
    return {"version": f"{day}-version", "span": day.isoformat(), "lineage": lineage}


def push(store: Store, day: dt.date) -> str:
    """Trains a day's models and serves them."""
    manifest = trained(store, day)
    folder = store.workspace.bundles / str(manifest["version"])
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return pushes.make_current(store.workspace, folder.name, "blessed").version


def bases(store: Store, day: dt.date) -> tuple[str | None, str]:
    """The span of a day's base, which is that of both models, and why."""
    retrieval, why = base_model(store, TrainedRetrieval, day)
    ranking, _ = base_model(store, TrainedRanking, day)
    assert (retrieval is None) == (ranking is None)
    if retrieval is None or ranking is None:
        return None, why
    assert retrieval.record.span == ranking.record.span
    return retrieval.record.span, why


def test_the_first_day_begins_cold(store: Store) -> None:
    assert bases(store, DAYS[1]) == (None, "no bundle of an earlier day was blessed")


def test_a_day_begins_as_what_served_before_it_however_often_it_runs(store: Store) -> None:
    versions = [push(store, day) for day in DAYS[1:3]]
    assert bases(store, DAYS[3]) == (str(DAYS[2]), f"bundle {versions[1]} served")
    push(store, DAYS[3])
    assert bases(store, DAYS[3])[0] == str(DAYS[2])
    assert bases(store, DAYS[2])[0] == str(DAYS[1])
    assert bases(store, DAYS[1])[0] is None


def test_a_refused_model_is_no_base(store: Store) -> None:
    push(store, DAYS[1])
    trained(store, DAYS[2])
    assert bases(store, DAYS[3])[0] == str(DAYS[1])


def test_what_was_rolled_back_is_no_base(store: Store) -> None:
    first, second = (push(store, day) for day in DAYS[1:3])
    pushes.make_current(store.workspace, first, "a bad day")
    assert bases(store, DAYS[3]) == (str(DAYS[1]), f"bundle {first} served")
    pushes.make_current(store.workspace, second, "not so bad")
    assert bases(store, DAYS[3])[0] == str(DAYS[2])


def test_a_base_whose_weights_are_gone_is_none_and_says_so(store: Store) -> None:
    version = push(store, DAYS[1])
    for kind in (TrainedRetrieval, TrainedRanking):
        shutil.rmtree(store.workspace.artifacts / kind.component)
    base, why = bases(store, DAYS[2])
    assert base is None
    assert why.startswith(f"what bundle {version} was trained to is no longer in ")


def test_a_model_that_saw_the_days_tested_on_is_no_base(store: Store, tmp_path: Path) -> None:
    version = push(store, DAYS[2])
    longer = Store(with_days(tmp_path, examples={"test_days": 3}))
    assert bases(longer, DAYS[3]) == (
        None,
        f"bundle {version} was trained on {DAYS[1]}, which is tested on now",
    )


def test_a_person_may_want_to_begin_cold(store: Store, tmp_path: Path) -> None:
    push(store, DAYS[1])
    cold = Store(with_days(tmp_path, training={"start": "cold"}))
    assert bases(cold, DAYS[2]) == (None, 'training.start is "cold"')
