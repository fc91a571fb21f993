from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny_pipeline import TinyPipeline

from loadtests.artifacts import artifact
from loadtests.bad_models import BAD_MODELS
from loadtests.bench_models import judge, linked, table, verdict_on
from recsys.bundle import Bundle, BundleError
from recsys.workspace import Workspace, write_atomically

BAD = {model.name: model for model in BAD_MODELS}
FLIPPED = BAD["a flipped byte"]


@pytest.fixture
def copy(tiny: TinyPipeline, tmp_path: Path) -> Workspace:
    """A linked copy of the tiny workspace, in which every day went through."""
    workspace = linked(tiny.workspace, tmp_path / "copy")
    done = {f"pipeline {day}": "as it is" for day in workspace.days("requests")}
    write_atomically(workspace.artifacts / ".done.json", json.dumps(done).encode())
    return workspace


@pytest.fixture
def day(tiny: TinyPipeline) -> dt.date:
    return dt.date.fromisoformat(tiny.bundle.record.span)


def of_day(workspace: Workspace, day: dt.date) -> list[str]:
    """The components that have something of the day."""
    return sorted(path.parent.name for path in workspace.artifacts.glob(f"*/{day}"))


def test_the_bad_models_are_those_that_must_be_refused() -> None:
    assert len(BAD) == len(BAD_MODELS) == 10
    gates = {"example_validator", "infra_validator", "evaluator"}
    assert {model.stopped_by for model in BAD_MODELS} == gates


def test_a_verdict_is_as_expected_only_by_the_right_gate_and_for_the_right_reason() -> None:
    reasons = ["memory is fine", "the digest of index.faiss is wrong"]
    assert judge(FLIPPED, "infra_validator", reasons).verdict_as_expected
    assert not judge(FLIPPED, "infra_validator", reasons[:1]).verdict_as_expected
    assert not judge(FLIPPED, "evaluator", reasons).verdict_as_expected
    assert not judge(FLIPPED, "blessed", []).verdict_as_expected


def test_the_table_says_which_verdicts_were_not_as_expected() -> None:
    caught = judge(FLIPPED, "infra_validator", ["the digest of index.faiss | is wrong"])
    missed = judge(FLIPPED, "blessed", [])
    text = table({"models": [asdict(caught), asdict(missed)]})
    row = "| a flipped byte | refused by infra_validator | refused by infra_validator | the digest"
    assert f"{row} of index.faiss \\| is wrong |" in text
    assert "| a flipped byte | refused by infra_validator | **blessed** |  |" in text
    assert text.endswith("1 of 2 verdicts as expected.")


def test_a_verdict_on_a_day_knows_nothing_of_the_days_after_it(tmp_path: Path) -> None:
    workspace, first = Workspace(tmp_path), dt.date(2024, 3, 1)
    for number in range(2):
        (workspace.logs / "requests" / f"day={first + dt.timedelta(days=number)}").mkdir(
            parents=True
        )
    said = {"verdict": {"blessed": True, "reasons": ["AUC 0.8"]}}
    for component, file, content in (
        ("example_validator", "anomalies.pbtxt", ""),
        ("infra_validator", "blessing.json", json.dumps(said)),
        ("evaluator", "evaluation.json", json.dumps(said)),
    ):
        versions = workspace.artifacts / component / first.isoformat()
        (versions / "one").mkdir(parents=True)
        (versions / "CURRENT").write_text("one")
        (versions / "one" / "artifact.json").write_text("{}")
        (versions / "one" / file).write_text(content)
    assert verdict_on(workspace, first) == ("blessed", ["AUC 0.8", "AUC 0.8"])


def test_a_flipped_byte_is_flipped_in_the_copy_alone(
    tiny: TinyPipeline, copy: Workspace, day: dt.date
) -> None:
    FLIPPED.harm(copy, day)
    folder, _ = artifact(copy, "bundle_gen", day)
    with pytest.raises(BundleError, match=r"digest of index\.faiss"):
        Bundle.load(folder)
    Bundle.load(tiny.bundle.path)
    done = json.loads((copy.artifacts / ".done.json").read_text())
    assert f"pipeline {day}" not in done and len(done) == 2


def test_labels_are_shuffled_and_what_was_trained_on_them_is_forgotten(
    tiny: TinyPipeline, copy: Workspace, day: dt.date
) -> None:
    assert "trainer_ranking" in of_day(copy, day)
    BAD["labels shuffled"].harm(copy, day)
    assert of_day(copy, day) == ["example_gen", "transform"]
    name = "examples/examples/installed.npy"
    before, after = (
        np.load(tiny.graph.path / name),
        np.load(artifact(copy, "transform", day)[0] / name),
    )
    assert before.sum() == after.sum() > 0
    assert (before != after).any()
    assert Workspace(copy.root).config.training.start == "cold"
    assert tiny.workspace.config.training.start == "warm"


def test_the_label_leaks_into_a_column_of_the_request(copy: Workspace, day: dt.date) -> None:
    BAD["label leaked into a feature"].harm(copy, day)
    [requests], [outcomes] = (copy.files(table, day) for table in ("requests", "outcomes"))
    leaked = {row["request_id"]: row["landed_on"] for row in pq.read_table(requests).to_pylist()}
    rows = pq.read_table(outcomes).to_pylist()
    installed = {(row["request_id"], row["app_id"]) for row in rows if row["kind"] == "install"}
    told = {(request, app) for request, app in leaked.items() if app is not None}
    assert told <= installed
    assert {request for request, _ in told} == {r for r, _ in installed if r in leaked}
    assert "landed_on" in Workspace(copy.root).config.features


def test_one_country_loses_most_apps_and_others_none(
    tiny: TinyPipeline, copy: Workspace, day: dt.date
) -> None:
    def num_sold(workspace: Workspace, country: str) -> int:
        [file] = workspace.files("apps", day)
        lists = pq.read_table(file)["countries"].to_pylist()
        return sum(not listed or country in listed for listed in lists)

    BAD["broken in one country"].harm(copy, day)
    assert 0 < num_sold(copy, "BR") < 0.2 * num_sold(tiny.workspace, "BR")
    assert num_sold(copy, "US") == num_sold(tiny.workspace, "US")
