from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import toy_features
from toy_features import NUM_APPS

from recsys.config import Ranking, Retrieval
from recsys.errors import BadInput
from recsys.features.transformed import TransformedExamples
from recsys.models.batches import Batch, RankingBatches, RetrievalBatches, Vectors

RETRIEVAL = Retrieval(batch_size=32, num_hidden_apps=16, num_uniform_negatives=8)


@pytest.fixture(scope="module")
def examples() -> TransformedExamples:
    return toy_features.examples()


def every(batches: Any) -> list[Batch]:
    return [batches[number] for number in range(len(batches))]


def same(left: Batch, right: Batch) -> bool:
    return np.array_equal(left["candidate_row"], right["candidate_row"]) and np.array_equal(
        left["query"]["age"], right["query"]["age"]
    )


def test_a_retrieval_batch_has_positives_then_hidden_apps_then_uniform_ones(
    examples: TransformedExamples,
) -> None:
    for batch in every(RetrievalBatches(examples, RETRIEVAL, seed=1)):
        assert len(batch["query"]["country"]) == 32 + 16
        assert len(batch["candidate_row"]) == 32 + 16 + 8
        assert len(batch["sampling_probability"]) == 32 + 16 + 8
        # In the toy, a country's apps are every fourth one.
        np.testing.assert_array_equal(
            batch["query"]["country"][:32] - 1, batch["candidate_row"][:32] % 4
        )
        np.testing.assert_array_equal(batch["candidate"]["app_id"], batch["candidate_row"] + 1)


def test_what_a_batch_foretells_was_taken_out_of_the_history(
    examples: TransformedExamples,
) -> None:
    original = {
        float(age): history
        for age, history in zip(
            examples.query["age"], examples.query["installed_app_ids"], strict=True
        )
    }
    for batch in every(RetrievalBatches(examples, RETRIEVAL, seed=1)):
        for place in range(32, 48):
            left = batch["query"]["installed_app_ids"][place]
            hidden = batch["candidate_row"][place] + 1
            before = original[float(batch["query"]["age"][place])]
            assert hidden not in left
            assert hidden in before
            assert np.count_nonzero(before) >= 2
            np.testing.assert_array_equal(np.where(before == hidden, 0, before), left)


def test_queries_that_end_in_an_install_keep_their_whole_history(
    examples: TransformedExamples,
) -> None:
    ages = examples.query["age"].tolist()
    for batch in every(RetrievalBatches(examples, RETRIEVAL, seed=1)):
        rows = [ages.index(age) for age in batch["query"]["age"][:32].tolist()]
        np.testing.assert_array_equal(
            batch["query"]["installed_app_ids"][:32], examples.query["installed_app_ids"][rows]
        )


def test_an_epoch_has_each_positive_once_in_another_order(examples: TransformedExamples) -> None:
    batches = RetrievalBatches(examples, RETRIEVAL, seed=1)
    again = RetrievalBatches(examples, RETRIEVAL, seed=1)
    other = RetrievalBatches(examples, RETRIEVAL, seed=2)
    orders = []
    for _ in range(3):
        epoch = every(batches)
        assert all(same(a, b) for a, b in zip(epoch, every(again), strict=True))
        assert not any(same(a, b) for a, b in zip(epoch, every(other), strict=True))
        ages = np.concatenate([batch["query"]["age"][:32] for batch in epoch])
        assert sorted(ages.tolist()) == sorted(examples.query["age"].tolist())
        orders.append(ages.tolist())
        for each in (batches, again, other):
            each.on_epoch_end()
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_uniform_negatives_are_uniform(examples: TransformedExamples) -> None:
    settings = RETRIEVAL.model_copy(update={"num_uniform_negatives": 1_000})
    batch = RetrievalBatches(examples, settings, seed=1)[0]
    counts = np.bincount(batch["candidate_row"][48:], minlength=NUM_APPS)
    # 1,000 draws of 8: a deviation of 10 each, and four of them are never met by chance.
    assert np.abs(counts - 125).max() < 42


def test_the_sampling_probability_is_that_of_the_mixture(examples: TransformedExamples) -> None:
    batch = RetrievalBatches(examples, RETRIEVAL, seed=1)[0]
    installs = np.bincount(examples.app_row[examples.installed], minlength=NUM_APPS)
    history = examples.query["installed_app_ids"]
    in_histories = np.bincount(history[history > 0] - 1, minlength=NUM_APPS)
    mixed = 32 * installs / installs.sum() + 16 * in_histories / in_histories.sum() + 8 / NUM_APPS
    expected = (mixed / mixed.max())[batch["candidate_row"]]
    np.testing.assert_allclose(batch["sampling_probability"], expected, rtol=1e-6)


def test_examples_stay_as_they_are(examples: TransformedExamples) -> None:
    before = {name: values.copy() for name, values in examples.query.items()}
    every(RetrievalBatches(examples, RETRIEVAL, seed=1))
    for name, values in before.items():
        np.testing.assert_array_equal(values, examples.query[name])


def test_apps_that_left_the_catalogue_are_no_positives(examples: TransformedExamples) -> None:
    gone = np.where(examples.app_row == 3, -1, examples.app_row)
    batches = RetrievalBatches(replace(examples, app_row=gone), RETRIEVAL, seed=1)
    for batch in every(batches):
        positives = len(batch["candidate_row"]) - 16 - 8
        assert 3 not in batch["candidate_row"][:positives]
        assert (batch["candidate_row"] >= 0).all()


def test_without_a_history_nothing_is_hidden(examples: TransformedExamples) -> None:
    query = {name: v for name, v in examples.query.items() if name != "installed_app_ids"}
    batch = RetrievalBatches(replace(examples, query=query), RETRIEVAL, seed=1)[0]
    assert len(batch["query"]["country"]) == 32
    assert len(batch["candidate_row"]) == 32 + 8


def test_apps_that_share_an_index_are_not_hidden(examples: TransformedExamples) -> None:
    indices = examples.catalogue["app_id"].copy()
    indices[[0, 1]] = 9  # both out of the vocabulary
    merged = replace(examples, catalogue={**examples.catalogue, "app_id": indices})
    for batch in every(RetrievalBatches(merged, RETRIEVAL, seed=1)):
        assert not set(batch["candidate_row"][32:48].tolist()) & {0, 1}


def test_a_window_without_installs_is_one_sentence(examples: TransformedExamples) -> None:
    nothing = replace(examples, installed=np.zeros_like(examples.installed))
    with pytest.raises(BadInput, match=r"expected installs .* found none: set examples.window"):
        RetrievalBatches(nothing, RETRIEVAL, seed=1)


def vectors_of(examples: TransformedExamples) -> Vectors:
    random = np.random.default_rng(3)
    num_queries, num_apps = len(examples.query["age"]), len(examples.catalogue["app_id"])
    return Vectors(
        toy_features.unit_vectors(random, num_queries, 4),
        toy_features.unit_vectors(random, num_apps, 4),
    )


def test_a_ranking_batch_has_each_app_with_its_label_and_vectors(
    examples: TransformedExamples,
) -> None:
    vectors = vectors_of(examples)
    batches = RankingBatches(examples, vectors, Ranking(batch_size=100), seed=1)
    ages = examples.query["age"].tolist()
    seen = []
    for batch in every(batches):
        rows = [ages.index(age) for age in batch["query"]["age"].tolist()]
        apps = batch["candidate"]["app_id"][:, 0] - 1
        is_wanted = batch["query"]["country"] - 1 == apps % 4
        np.testing.assert_array_equal(batch["label"][:, 0], is_wanted.astype(np.float32))
        np.testing.assert_array_equal(batch["query"]["embedding"], vectors.query[rows])
        np.testing.assert_array_equal(
            batch["candidate"]["embedding"][:, 0], vectors.catalogue[apps]
        )
        seen += list(zip(rows, apps.tolist(), strict=True))
    expected = zip(examples.query_row.tolist(), examples.app_row.tolist(), strict=True)
    assert sorted(seen) == sorted(expected)


def test_sampled_negatives_are_neither_the_own_app_nor_installed() -> None:
    examples = toy_features.examples(num_apps=100)
    settings = Ranking(batch_size=64, negatives_per_positive=5)
    batches = RankingBatches(examples, vectors_of(examples), settings, seed=1)
    drawn = []
    for batch in every(batches):
        apps = batch["candidate"]["app_id"]
        assert apps.shape == batch["label"].shape == (64, 6)
        assert not batch["label"][:, 1:].any()
        assert not (apps[:, 1:] == apps[:, :1]).any()
        history = batch["query"]["installed_app_ids"]
        assert not (apps[:, 1:, None] == history[:, None, :]).any()
        drawn += apps[:, 1:].ravel().tolist()
    assert len(set(drawn)) == 100


def test_a_user_who_has_every_app_still_gets_a_batch(examples: TransformedExamples) -> None:
    everything = np.tile(np.arange(1, NUM_APPS + 1, dtype=np.int32), (256, 1))
    full = replace(examples, query={**examples.query, "installed_app_ids": everything})
    settings = Ranking(batch_size=16, negatives_per_positive=2)
    assert RankingBatches(full, vectors_of(full), settings, seed=1)[0]["label"].shape == (16, 3)


def test_only_the_queries_that_are_asked_for_are_drawn_from(
    examples: TransformedExamples,
) -> None:
    later = examples.query_day == 1
    ages = set(examples.query["age"][later].tolist())
    assert 0 < later.sum() < len(later)
    for batch in every(RetrievalBatches(examples, RETRIEVAL, seed=1, queries=later)):
        # A hidden app leaves the rest of its query as it is.
        assert set(batch["query"]["age"].tolist()) <= ages
    random = np.random.default_rng(0)
    vectors = Vectors(
        toy_features.unit_vectors(random, 256, 3), toy_features.unit_vectors(random, NUM_APPS, 3)
    )
    ranking = RankingBatches(examples, vectors, Ranking(batch_size=64), seed=1, queries=later)
    assert ranking.num_examples == 2 * later.sum()
    seen = [age for batch in every(ranking) for age in batch["query"]["age"].tolist()]
    assert set(seen) == ages
    assert len(seen) == ranking.num_examples
