"""The executor against the saved model, feature by feature and kind by kind."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
import toy_features
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.config import Config, Cross, Feature, Ranking, Retrieval
from recsys.executor.model import Executor
from recsys.features import spec
from recsys.features.fitted import FittedTransform
from recsys.features.transform import FeatureTransform
from recsys.filters import Filters
from recsys.index.contract import NO_ROW
from recsys.models import export
from recsys.models.export import SavedModels, TwoStageModel
from recsys.models.folding import fold
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel
from recsys.models.training import unit_vectors
from recsys.query import Query
from recsys.tables import SCHEMAS

Kind = Literal["linear", "deep", "wide_and_deep"]
KINDS: list[Kind] = ["linear", "deep", "wide_and_deep"]
NUM_APPS = 40
APP_IDS = [f"app-{number}" for number in range(2, 2 + NUM_APPS)]
"""Two of the vocabulary left the catalogue, and most of the catalogue is outside the vocabulary."""
FEATURES = {
    **toy_features.FEATURES,
    "app_id": toy_features.FEATURES["app_id"].model_copy(update={"num_oov_buckets": 3}),
    "genres": toy_features.FEATURES["genres"].model_copy(
        update={"models": ("retrieval", "wide", "deep")}
    ),
    "language": Feature(
        table="requests", kind="category", models=("retrieval", "deep"), num_oov_buckets=5
    ),
    "weekday": Feature(table="requests", column="time", kind="weekday", models=("wide", "deep")),
}
CROSSES = (
    Cross(query="installed_app_ids", candidate="app_id", num_buckets=64),
    Cross(query="installed_app_ids", candidate="genres", num_buckets=50),
    Cross(query="country", candidate="genres", num_buckets=33),
)
ROWS: list[dict[str, Any]] = [
    {"installed_app_ids": ["app-1", "stranger", "app-2", "app-30"], "country": "NO", "age": 33.0},
    {"installed_app_ids": None, "country": None, "age": None},
    {"installed_app_ids": ["", "x", "y", "z", "app-3"], "country": "Atlantis", "language": "日本"},
    {"installed_app_ids": ["app-1"] * 9, "age": float("nan"), "time": None, "language": "\x00"},
    {"age": float("inf"), "language": "x" * 200, "country": ""},
    {"age": -1e30, "language": "en"},
    *({"age": age} for age in (20.0, 40.0, 60.0, 60.001)),
    *({"language": f"stranger {number}"} for number in range(20)),
]


def build(kind: Kind, folder: Path) -> tuple[Executor, SavedModels]:
    """Both ways to compute the same random models."""
    settings = Config(
        features=FEATURES,
        retrieval=Retrieval(embedding_dim=6, hidden_units=(32, 16)),
        ranking=Ranking(kind=kind, hidden_units=(7, 5), crosses=CROSSES),
    )
    toy = toy_features.fitted()
    fitted = FittedTransform(FEATURES, {**toy.vocabularies, "language": ["en"]}, toy.boundaries)
    fitted.save(folder / "graph")
    transform = FeatureTransform(fitted, folder / "graph")
    towers, ranker = (
        RetrievalModel(fitted, settings.retrieval),
        RankingModel(fitted, settings.ranking),
    )
    random = np.random.default_rng(0)
    catalogue = toy_features.candidates(random, NUM_APPS)
    catalogue["app_id"] = transform({"app_id": np.array(APP_IDS, dtype=object)})["app_id"].numpy()
    query = transform(raw())
    towers.query_tower(query), towers.candidate_tower(catalogue)
    vectors = np.zeros((NUM_APPS, 6), np.float32)
    places = {
        name: values[None, :1] for name, values in {**catalogue, "embedding": vectors}.items()
    }
    first = {name: values[:1] for name, values in query.items()}
    ranker({"query": {**first, "embedding": vectors[:1]}, "candidate": places})
    for variable in (*towers.variables, *ranker.variables):
        variable.assign(random.normal(size=variable.shape) / 2)
    vectors = unit_vectors(towers.candidate_tower, catalogue)
    TwoStageModel(FEATURES, transform, towers, ranker).save(folder / "saved")
    fold(fitted, settings, towers, ranker, catalogue, folder / "folded")
    app_features = {**catalogue, "embedding": vectors}
    saved = SavedModels(export.load(folder / "saved"), app_features)
    return Executor.load(folder / "folded", settings, apps(), app_features), saved


def apps() -> Catalogue:
    rows = [{"app_id": app_id} for app_id in APP_IDS]
    return Catalogue(pa.Table.from_pylist(rows, SCHEMAS["apps"]))


def raw(rows: list[dict[str, Any]] = ROWS) -> dict[str, NDArray[Any]]:
    values = spec.raw_from_values(rows, spec.of_query(FEATURES))
    times = np.random.default_rng(1).integers(-(10**10), 10**10, size=len(rows))
    times[:3] = 0, -1, spec.NO_TIME
    return {**values, "hour": times, "weekday": times}


def drawn_rows(num_queries: int) -> NDArray[np.int64]:
    rows = np.random.default_rng(2).integers(NUM_APPS, size=(num_queries, 30))
    rows[0] = NO_ROW
    rows[1, ::2] = NO_ROW
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_the_saved_model_does(kind: Kind, tmp_path: Path) -> None:
    executor, saved = build(kind, tmp_path)
    here, there = executor.encode_query(raw()), saved.encode_query(raw())
    assert here.keys() == there.keys()
    for name, expected in there.items():
        assert here[name].dtype == expected.dtype, name
        np.testing.assert_allclose(here[name], expected, rtol=0, atol=1e-6, err_msg=name)
    rows = drawn_rows(len(ROWS))
    expected = saved.score(there, rows)
    scores = executor.score(here, rows)
    assert ((scores == -np.inf) == (rows == NO_ROW)).all()
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)
    assert scores[rows != NO_ROW].std() > 1e-2


def test_indices_are_the_very_same(tmp_path: Path) -> None:
    executor, saved = build("linear", tmp_path)
    here, there = executor.encode_query(raw()), saved.encode_query(raw())
    assert len(set(here["language"].tolist())) > 4, "strangers fall into several buckets"
    for name in here.keys() - {"embedding"}:
        assert here[name].tolist() == there[name].tolist(), name


def test_apps_whose_rows_are_known_are_encoded_as_their_ids_are(tmp_path: Path) -> None:
    executor, _ = build("wide_and_deep", tmp_path)
    now = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    queries = [
        Query("u", now, installed_app_ids=row.get("installed_app_ids") or ()) for row in ROWS
    ]
    known = executor.encode_query(raw(), Filters(apps(), queries).last_installed)
    for name, expected in executor.encode_query(raw()).items():
        assert known[name].tolist() == expected.tolist(), name


def test_a_score_depends_on_no_other_app_and_no_other_query(tmp_path: Path) -> None:
    executor, _ = build("wide_and_deep", tmp_path)
    rows = drawn_rows(len(ROWS))
    together = executor.score(executor.encode_query(raw()), rows)
    for number in range(2, 6):
        alone = executor.encode_query({name: v[number : number + 1] for name, v in raw().items()})
        for place in (0, 7):
            one = executor.score(alone, rows[number : number + 1, place : place + 1])
            assert one[0, 0] == pytest.approx(together[number, place], abs=1e-6)


def test_extreme_logits_are_chances(tmp_path: Path) -> None:
    from recsys.executor.ranker import sigmoid

    chances = sigmoid(np.array([-1e4, -100, 0, 100, 1e4], dtype=np.float32))
    assert ((chances >= 0) & (chances <= 1)).all()
    assert chances[2] == 0.5
