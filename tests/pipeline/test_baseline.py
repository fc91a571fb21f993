from __future__ import annotations

import json
from pathlib import Path

from daily_logs import DAY, make_workspace

from pipeline.artifacts import Record, TrainedModel, TrainedRanking, TrainedRetrieval
from pipeline.baseline import baseline
from pipeline.store import Store
from recsys import pushes
from recsys.bundle import MANIFEST


def record_of(kind: type[TrainedModel]) -> Record:
    return Record(kind.component, DAY.isoformat(), "abc", (), "", "", "", 0.0)


def push(store: Store, version: str) -> None:
    """Serves a bundle made of two models, of which the artifact of the ranker alone is kept."""
    folder = store.workspace.bundles / version
    folder.mkdir(parents=True)
    lineage = [record_of(kind).to_json() for kind in (TrainedRetrieval, TrainedRanking)]
    (folder / MANIFEST).write_text(json.dumps({"version": version, "lineage": lineage}))
    kept = store.folder(record_of(TrainedRanking).reference)
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "artifact.json").write_text(json.dumps(record_of(TrainedRanking).to_json()))
    pushes.make_current(store.workspace, version, "blessed")


def test_the_first_model_has_no_baseline(tmp_path: Path) -> None:
    assert baseline(Store(make_workspace(tmp_path)), "2024-03-02-new") is None


def test_the_baseline_is_what_served_with_those_of_its_models_that_are_kept(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    push(store, "2024-03-01-old")
    found = baseline(store, "2024-03-02-new")
    assert found is not None
    assert found.version == "2024-03-01-old"
    assert found.folder == store.workspace.bundles / "2024-03-01-old"
    assert list(found.models) == [TrainedRanking.component]
    assert found.models[TrainedRanking.component].record == record_of(TrainedRanking)


def test_a_bundle_that_was_pushed_is_held_against_what_served_before_it(tmp_path: Path) -> None:
    store = Store(make_workspace(tmp_path))
    push(store, "2024-03-01-old")
    push(store, "2024-03-02-new")
    found = baseline(store, "2024-03-02-new")
    assert found is not None and found.version == "2024-03-01-old"
