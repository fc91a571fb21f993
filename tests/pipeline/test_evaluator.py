from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny_pipeline import TinyPipeline

from pipeline.artifacts import Examples
from pipeline.evaluator import evaluate, evaluator
from pipeline.held_out import held_out_users
from recsys.errors import BadInput
from recsys.recommender import Recommender


def test_what_is_measured_is_the_served_path_and_the_verdict_says_so(
    tiny: TinyPipeline, tiny_recommender: Recommender, tmp_path: Path
) -> None:
    config = tiny.workspace.config
    evaluator(tiny.bundle, tiny.bundle.path, [tiny.test], config, tmp_path)
    written = json.loads((tmp_path / "evaluation.json").read_text())
    users = held_out_users([tiny.test], config)
    assert written["num_users"] == len(users) > 50
    k = config.evaluation.k
    recalls = []
    for user, page in zip(
        users, tiny_recommender.recommend([user.query for user in users]), strict=True
    ):
        shown = {item.app_id for item in page.items[:k]}
        recalls.append(len(shown & user.relevant) / len(user.relevant))
    measured = written["measured"]
    assert measured["served"]["recall"] == pytest.approx(sum(recalls) / len(recalls), abs=1e-3)
    # A bundle beside itself: the same users, the same pages, the same figures.
    assert measured["baseline"] == measured["served"]
    assert 0 < measured["ranking_auc"] < 1
    reached = measured["served"]["recall"] >= measured["most_popular"]["recall"]
    assert written["verdict"]["blessed"] == (reached and measured["ranking_auc"] >= 0.5)


def test_days_without_installs_are_one_sentence(tiny: TinyPipeline, tmp_path: Path) -> None:
    rows = pq.read_table(tiny.test.examples)
    place = rows.column_names.index("installed")
    none = rows.set_column(place, "installed", [[False] * len(rows)])
    pq.write_table(none, tmp_path / "examples.parquet")
    pq.write_table(pq.read_table(tiny.test.queries), tmp_path / "queries.parquet")
    nothing = Examples(tmp_path, tiny.test.record)
    with pytest.raises(BadInput, match="expected installs in the days kept out of training"):
        evaluate(tiny.bundle.path, None, [nothing], tiny.workspace.config)
