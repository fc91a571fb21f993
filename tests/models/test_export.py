from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import toy_features

from recsys.config import Cross, Ranking, Retrieval
from recsys.features import spec
from recsys.features.transform import FeatureTransform
from recsys.models import export
from recsys.models.export import TwoStageModel
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel

CROSSES = (Cross(query="installed_app_ids", candidate="app_id", num_buckets=64),)
ROWS: list[dict[str, Any]] = [
    {"installed_app_ids": ["app-1", "stranger"], "country": "NO", "age": 33.0},
    {"installed_app_ids": None, "country": None, "age": None},
]
APPS: list[dict[str, Any]] = [
    {"app_id": f"app-{number}", "genres": ["racing"], "price": number / 4} for number in range(6)
]


@pytest.mark.parametrize("kind", ["linear", "deep", "wide_and_deep"])
def test_a_saved_model_answers_as_the_models_in_memory_do(
    kind: Literal["linear", "deep", "wide_and_deep"], tmp_path: Path
) -> None:
    fitted = toy_features.fitted()
    fitted.save(tmp_path / "graph")
    transform = FeatureTransform(fitted, tmp_path / "graph")
    towers = RetrievalModel(fitted, Retrieval(embedding_dim=6, hidden_units=(32,)))
    ranker = RankingModel(fitted, Ranking(kind=kind, hidden_units=(7, 5), crosses=CROSSES))
    query = dict(transform(spec.raw_from_values(ROWS, spec.of_query(fitted.features))))
    app = dict(transform(spec.raw_from_values(APPS, spec.of_candidate(fitted.features))))
    query["embedding"], app["embedding"] = towers.query_tower(query), towers.candidate_tower(app)
    candidate = {name: np.stack([values, values]) for name, values in app.items()}
    ranker({"query": query, "candidate": candidate})
    random = np.random.default_rng(0)
    for variable in (*towers.variables, *ranker.variables):
        variable.assign(random.normal(size=variable.shape) / 2)
    TwoStageModel(fitted.features, transform, towers, ranker).save(tmp_path / "saved")

    saved = export.load(tmp_path / "saved")
    asked = saved.encode_query(spec.raw_from_values(ROWS, spec.of_query(fitted.features)))
    shown = saved.encode_candidate(spec.raw_from_values(APPS, spec.of_candidate(fitted.features)))
    for name, values in query.items():
        expected = towers.query_tower(query) if name == "embedding" else values
        np.testing.assert_allclose(asked[name], expected, rtol=0, atol=1e-6, err_msg=name)
    for name, values in app.items():
        expected = towers.candidate_tower(app) if name == "embedding" else values
        np.testing.assert_allclose(shown[name], expected, rtol=0, atol=1e-6, err_msg=name)
    candidate = {name: np.stack([values, values]) for name, values in shown.items()}
    scores = saved.score(asked, candidate).numpy()
    assert scores.shape == (2, 6)
    here = ranker({"query": asked, "candidate": candidate}).numpy()
    np.testing.assert_allclose(scores, here, rtol=0, atol=1e-6)
    assert scores.std() > 1e-3
