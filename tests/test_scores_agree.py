"""What was trained is what is served: raw features score the same through the training code, the
saved model and the request path. (`tests/serving/test_same_scores.py` adds the server.)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from tiny_pipeline import TinyPipeline

from pipeline import trainer, transform
from recsys.bundle import Bundle
from recsys.features import spec
from recsys.features.transformed import TransformedExamples
from recsys.models import weights
from recsys.models.batches import Vectors, take
from recsys.models.ranking import RankingModel
from recsys.query import Query
from recsys.recommender import Recommender

K = 10
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def requests(tiny: TinyPipeline) -> pa.Table:
    """The raw queries of the training window, in the order of the transformed ones."""
    return pa.concat_tables([pq.read_table(span.queries) for span in tiny.train])


@pytest.fixture(scope="module")
def pages(requests: pa.Table, tiny_recommender: Recommender) -> tuple[NDArray[Any], NDArray[Any]]:
    """The catalogue's rows and the scores of each request's page, `[num_requests, K]`."""
    rows, scores = [], []
    for batch in requests.to_batches(max_chunksize=64):
        for page in tiny_recommender.recommend([_query(row) for row in batch.to_pylist()]):
            rows.append(tiny_recommender.catalogue.rows([item.app_id for item in page.items]))
            scores.append([item.score for item in page.items])
    return np.array(rows), np.array(scores)


def _query(row: dict[str, Any]) -> Query:
    known = {n: v for n, v in row.items() if n not in ("user_id", "time", spec.HISTORY)}
    return Query(row["user_id"], row["time"], known, row[spec.HISTORY], k=K)


def test_there_are_enough_requests(pages: tuple[NDArray[Any], NDArray[Any]]) -> None:
    assert pages[0].shape == pages[1].shape
    assert len(pages[0]) >= 1_000
    assert pages[1].std() > 1e-3


def test_the_training_code_scores_as_the_request_path_does(
    tiny: TinyPipeline, pages: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    rows, scores = pages
    config = tiny.workspace.config
    arrays = TransformedExamples.load(tiny.graph.path / transform.EXAMPLES)
    vectors = Vectors.load(tiny.retrieval.path / trainer.VECTORS)
    ranker = RankingModel(trainer.fitted_transform(tiny.graph, config), config.ranking)
    asked = {**arrays.query, "embedding": vectors.query}
    shown = {**arrays.catalogue, "embedding": vectors.catalogue}
    inputs = {"query": asked, "candidate": take(shown, rows)}
    ranker(inputs)
    weights.restore(ranker, tiny.ranking.path / weights.WEIGHTS)
    assert np.abs(ranker(inputs).numpy() - scores).max() <= TOLERANCE


def test_the_saved_model_scores_as_the_request_path_does(
    tiny: TinyPipeline,
    tiny_bundle: Bundle,
    requests: pa.Table,
    pages: tuple[NDArray[Any], NDArray[Any]],
) -> None:
    rows, scores = pages
    features, model = tiny_bundle.config.features, tiny_bundle.model()
    apps = pq.read_table(tiny_bundle.path / "apps.parquet")
    asked = model.encode_query(spec.raw_from_table(requests, spec.of_query(features)))
    shown = model.encode_candidate(spec.raw_from_table(apps, spec.of_candidate(features)))
    candidate = {name: values.numpy()[rows] for name, values in shown.items()}
    assert np.abs(model.score(asked, candidate).numpy() - scores).max() <= TOLERANCE


def test_both_towers_are_the_trained_ones(
    tiny: TinyPipeline, tiny_bundle: Bundle, requests: pa.Table
) -> None:
    vectors = Vectors.load(tiny.retrieval.path / trainer.VECTORS)
    features, model = tiny_bundle.config.features, tiny_bundle.model()
    asked = model.encode_query(spec.raw_from_table(requests, spec.of_query(features)))
    np.testing.assert_allclose(asked["embedding"], vectors.query, rtol=0, atol=TOLERANCE)
    stored = tiny_bundle.app_features()["embedding"]
    np.testing.assert_allclose(stored, vectors.catalogue, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, rtol=0, atol=1e-5)
