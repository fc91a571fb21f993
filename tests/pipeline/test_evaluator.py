from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny_pipeline import TinyPipeline

from pipeline.artifacts import Examples, ModelEvaluation
from pipeline.evaluator import evaluate
from pipeline.held_out import held_out
from recsys.config import Config
from recsys.errors import BadInput
from recsys.evaluation.saved import Evaluation
from recsys.recommender import Recommender


def test_what_is_measured_is_the_served_path(
    tiny: TinyPipeline,
    tiny_recommender: Recommender,
    evaluation_config: Config,
    evaluation_folder: Path,
) -> None:
    measured = Evaluation.load(evaluation_folder).measured
    users = held_out(tiny.train, [tiny.test], evaluation_config).users
    assert measured.counts.num_users == len(users) > 50
    recalls = []
    queries = [user.query for user in users]
    for user, page in zip(users, tiny_recommender.recommend(queries), strict=True):
        shown = {item.app_id for item in page.items[: measured.k]}
        recalls.append(len(shown & user.relevant) / len(user.relevant))
    recall = measured.metrics["page_recall"].candidate.value
    assert recall == pytest.approx(sum(recalls) / len(recalls), abs=1e-3)
    assert measured.metrics["retrieval_recall"].candidate.value > recall
    assert measured.metrics["ann_recall"].candidate.value == 1.0
    assert 0 < measured.metrics["ranking_auc"].candidate.value < 1


def test_a_bundle_beside_itself_has_not_changed(evaluation_folder: Path) -> None:
    evaluation = Evaluation.load(evaluation_folder)
    assert evaluation.baseline == evaluation.bundle
    for name, compared in evaluation.measured.metrics.items():
        assert compared.baseline == compared.candidate, name
        assert compared.change is None or compared.change.value == 0
    assert all(check.passed for check in evaluation.verdict.checks if check.kind == "change")
    assert {check.slice for check in evaluation.verdict.checks} > {"", "device = phone"}


def test_slices_have_counts_and_add_up(evaluation_folder: Path) -> None:
    measured = Evaluation.load(evaluation_folder).measured
    for dimension in ("country", "device", "app_popularity", "price_band", "user_is_new"):
        parts = [one for one in measured.slices if list(one.values) == [dimension]]
        assert sum(one.num_impressions for one in parts) == measured.counts.num_impressions
        assert sum(one.num_installs for one in parts) == measured.counts.num_installs
    by_device = [one for one in measured.slices if list(one.values) == ["device"]]
    assert sum(one.num_users for one in by_device) == measured.counts.num_users
    assert {("page_recall" in one.metrics) == (one.num_users >= 20) for one in by_device} == {True}
    assert any(list(one.values) == ["country", "device"] for one in measured.slices)


def test_the_file_reads_back_and_is_plain_json(evaluation_folder: Path, tmp_path: Path) -> None:
    evaluation = Evaluation.load(evaluation_folder)
    evaluation.save(tmp_path)
    written = (evaluation_folder / "evaluation.json").read_text()
    assert (tmp_path / "evaluation.json").read_text() == written
    values = json.loads(written, parse_constant=pytest.fail)
    assert Evaluation.of(values) == evaluation
    assert values["verdict"]["blessed"] == evaluation.verdict.blessed
    buckets = values["measured"]["calibration"]["candidate"]
    total = sum(bucket["num_impressions"] for bucket in buckets)
    assert total == values["measured"]["counts"]["num_impressions"]


def test_the_figures_of_the_artifact_are_few(tiny: TinyPipeline, evaluation_folder: Path) -> None:
    figures = ModelEvaluation(evaluation_folder, tiny.bundle.record).figures()
    assert figures["page_recall"] > 0
    assert isinstance(figures["reasons"], str)
    assert len(figures) < 30


def test_days_without_installs_are_one_sentence(
    tiny: TinyPipeline, evaluation_config: Config, tmp_path: Path
) -> None:
    rows = pq.read_table(tiny.test.examples)
    place = rows.column_names.index("installed")
    none = rows.set_column(place, "installed", [[False] * len(rows)])
    pq.write_table(none, tmp_path / "examples.parquet")
    pq.write_table(pq.read_table(tiny.test.queries), tmp_path / "queries.parquet")
    nothing = held_out(tiny.train, [Examples(tmp_path, tiny.test.record)], evaluation_config)
    with pytest.raises(BadInput, match="expected installs in the days kept out of training"):
        evaluate(tiny.bundle.path, None, nothing, evaluation_config)
