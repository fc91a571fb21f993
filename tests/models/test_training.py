from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import toy_features

from recsys.config import Config, Ranking, Retrieval
from recsys.features.transformed import TransformedExamples
from recsys.models import training, weights
from recsys.models.batches import Vectors
from recsys.models.training import Base

FIRST_DAY = dt.date(1970, 1, 1)
CONFIG = Config(
    retrieval=Retrieval(
        batch_size=32, num_hidden_apps=8, num_uniform_negatives=4, num_epochs=3, replay_share=0.5
    ),
    ranking=Ranking(hidden_units=(4,), num_epochs=2, num_warm_epochs=3, replay_share=0.0),
)


@pytest.fixture(scope="module")
def examples() -> TransformedExamples:
    """128 queries of the first of January 1970, and as many of the second; two apps shown each, one
    of them installed."""
    return toy_features.examples(256)


def test_a_cold_start_goes_over_the_window_and_a_warm_one_over_what_is_new(
    examples: TransformedExamples, tmp_path: Path
) -> None:
    fitted = toy_features.fitted()
    cold = training.train_retrieval(examples, fitted, None, CONFIG)
    assert (cold.num_examples, len(cold.losses), cold.copied) == (3 * 256, 3, None)
    assert cold.last_day == FIRST_DAY + dt.timedelta(days=1)

    weights.save_as_base(cold.model, fitted, tmp_path / "towers")
    base = Base(tmp_path / "towers", FIRST_DAY)
    warm = training.train_retrieval(examples, fitted, base, CONFIG)
    # The second day, and half of the first.
    assert 128 + 40 < warm.num_examples < 128 + 88
    assert len(warm.losses) == 1
    assert warm.losses[0] < cold.losses[0]
    assert warm.copied is not None and warm.copied.anew == {}

    vectors = training.vectors_of(warm.model, examples)
    first = training.train_ranking(examples, vectors, fitted, None, CONFIG)
    assert first.num_examples == 2 * 512
    weights.save_as_base(first.model, fitted, tmp_path / "ranker")
    base = Base(tmp_path / "ranker", FIRST_DAY)
    second = training.train_ranking(examples, vectors, fitted, base, CONFIG)
    assert second.num_examples == 3 * 256


def test_each_day_replays_other_requests(examples: TransformedExamples) -> None:
    def replayed(day: int) -> list[int]:
        base = Base(Path(), FIRST_DAY + dt.timedelta(days=day))
        chosen = training._queries_for(base, examples, CONFIG.retrieval, 7)
        assert chosen is not None
        return np.flatnonzero(chosen[:128]).tolist()

    assert replayed(0) == replayed(0)
    assert replayed(0) != replayed(1)


def test_vectors_are_made_of_every_query_and_app(examples: TransformedExamples) -> None:
    trained = training.train_retrieval(examples, toy_features.fitted(), None, CONFIG)
    vectors: Vectors = training.vectors_of(trained.model, examples)
    np.testing.assert_array_equal(vectors.query, trained.model.query_tower(examples.query).numpy())
    np.testing.assert_array_equal(
        vectors.catalogue, trained.model.candidate_tower(examples.catalogue).numpy()
    )
