"""Days that begin as the ones before them, through the real pipeline."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daily_logs import DAY, make_workspace, write_clean_day

from pipeline.artifacts import ModelEvaluation, TrainedRanking, TrainedRetrieval
from pipeline.base_model import base_model
from pipeline.commands import evaluations
from pipeline.commands.lineage import tree
from pipeline.orchestration import runner
from pipeline.orchestration.runner import Due
from pipeline.store import State, Store, Watch
from recsys import pushes
from recsys.errors import GateStopped
from recsys.features.transform import FittedTransform
from recsys.models import weights
from recsys.workspace import Workspace

DAYS = [DAY + dt.timedelta(days=n) for n in range(4)]
SETTINGS = {
    "retrieval": {"num_epochs": 1, "embedding_dim": 8, "id_embedding_dim": 8, "hidden_units": []},
    "ranking": {"num_epochs": 1, "hidden_units": [8], "crosses": []},
}
LENIENT = {
    "min_ranking_auc": 0.0,
    "min_recall_over_popular": 0.0,
    "max_normalised_entropy": 9.0,
    "max_miscalibration": 99.0,
    "max_recall_drop": 1.0,
    "max_ndcg_drop": 1.0,
    "max_retrieval_recall_drop": 1.0,
    "max_auc_drop": 1.0,
    "max_log_loss_rise": 9.0,
}
STRICT = LENIENT | {"min_ranking_auc": 1.0}


def judged_by(root: Path, evaluation: dict[str, float]) -> Workspace:
    return make_workspace(root, **SETTINGS, evaluation=evaluation)


class Watched:
    """Remembers what the store did."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, State]] = []

    def __call__(self, component: str, span: str, state: State, seconds: float) -> None:
        self.seen.append((component, span, state))


def run(workspace: Workspace, first: dt.date, last: dt.date, watch: Watch) -> None:
    runner.run(workspace, runner.plan(workspace, first, last), watch)


def interrupted_at(name: str) -> Callable[[Any, FittedTransform, Path], None]:
    """Writes what a base is, but is interrupted in the middle of the model of that name."""
    save = weights.save_as_base

    def save_or_stop(model: Any, fitted: FittedTransform, out: Path) -> None:
        save(model, fitted, out)
        if model.name == name:
            raise KeyboardInterrupt

    return save_or_stop


def bases(workspace: Workspace, day: dt.date) -> list[tuple[str, str]]:
    """How both models of a day began, and the span of what they began as."""
    found = []
    for kind in (TrainedRetrieval, TrainedRanking):
        trained = Store(workspace).current(kind, day)
        spans = [one.span for one in trained.record.inputs if one.component == kind.component]
        found.append((trained.history["start"], "".join(spans)))
    return found


@pytest.mark.timeout(300)
@pytest.mark.timeout(900)  # four runs, each with training and a server
def test_each_day_begins_as_the_last_one_that_was_blessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lenient = judged_by(tmp_path, LENIENT)
    for day in DAYS:
        write_clean_day(lenient, day)
    run(lenient, DAYS[1], DAYS[1], Watched())
    assert bases(lenient, DAYS[1]) == [("cold", "")] * 2
    served = pushes.current(lenient)

    # The next one is interrupted while it trains, and goes on from where it was. It is refused, as
    # is the one after it: neither stops the other, nor becomes its base.
    strict = judged_by(tmp_path, STRICT)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(weights, "save_as_base", interrupted_at("ranking"))
        run(strict, DAYS[2], DAYS[2], Watched())
    watched = Watched()
    with pytest.raises(GateStopped) as stopped:
        run(strict, DAYS[2], DAYS[3], watched)
    assert ("trainer_retrieval", str(DAYS[2]), "reused") in watched.seen
    assert ("trainer_ranking", str(DAYS[2]), "done") in watched.seen
    assert all(f"bundle {day}-" in str(stopped.value) for day in DAYS[2:])
    assert pushes.current(strict) == served
    store = Store(strict)
    for day in DAYS[2:]:
        assert bases(strict, day) == [("warm", str(DAYS[1]))] * 2
        assert store.current(TrainedRanking, day).history["why"] == f"bundle {served} served"

    # Only what is new was gone over, and a part of what was known.
    cold, warm = (store.current(TrainedRanking, day) for day in DAYS[1:3])
    assert [cold.last_day, warm.last_day] == DAYS[:2]
    assert warm.history["num_examples"] < 2 * cold.history["num_examples"]
    assert warm.history["copied"]["anew"] == {}
    assert warm.figures()["app_id.kept"] > 0

    # Blessed after all, it is what the next day begins as. Its lineage names its own base, and
    # ends there.
    again = judged_by(tmp_path, LENIENT)
    run(again, DAYS[2], DAYS[2], Watched())
    base, _ = base_model(Store(again), TrainedRanking, DAYS[3])
    assert base is not None and base.record == warm.record
    manifest = pushes.manifest(again, None)
    trained = [one for one in manifest["lineage"] if one["component"].startswith("trainer_")]
    assert [one["span"] for one in trained] == [str(DAYS[2])] * 2
    labels = [str(branch.label) for branch in tree(manifest).children[0].children]
    assert any(label.startswith(f"builds on that of {DAYS[1]}, ") for label in labels)

    # An older bundle is measured on the newest day as that day's own is.
    assert served is not None
    day, older = evaluations.of_bundle(again, served)
    counts = Store(again).current(ModelEvaluation, DAYS[3]).values["measured"]["counts"]
    assert (day, older["bundle"], older["measured"]["counts"]) == (DAYS[3], served, counts)


def test_a_day_is_due_again_when_its_base_is(tmp_path: Path) -> None:
    workspace = judged_by(tmp_path, LENIENT)
    for day in DAYS:
        write_clean_day(workspace, day, num_requests=5)
    due = runner.plan(workspace, DAYS[1], DAYS[3])
    runner._write_done(workspace, due)
    assert runner.plan(workspace, DAYS[1], DAYS[3]) == []
    file = workspace.artifacts / ".done.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {f"pipeline {DAYS[2]}": "older"}))
    each = [Due(DAYS[2], "pipeline"), Due(DAYS[3], "pipeline")]
    assert runner.plan(workspace, DAYS[1], DAYS[3]) == each
