from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tensorflow as tf
import toy_features
from numpy.typing import NDArray

from recsys.config import Cross, Ranking
from recsys.features.transform import FittedTransform
from recsys.models import weights
from recsys.models.batches import RankingBatches, Vectors, take
from recsys.models.crosses import bucket, fingerprints
from recsys.models.ranking import RankingModel

Kind = Literal["linear", "deep", "wide_and_deep"]
KINDS: tuple[Kind, ...] = ("linear", "deep", "wide_and_deep")
CROSSES = (
    Cross(query="installed_app_ids", candidate="app_id", num_buckets=64),
    Cross(query="country", candidate="app_id", num_buckets=4_096),
)
DIM = 3


def settings(kind: Kind = "wide_and_deep", **changes: Any) -> Ranking:
    return Ranking(**{"kind": kind, "hidden_units": (7, 5), "crosses": CROSSES, **changes})


def inputs(num_queries: int, num_candidates: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    query = toy_features.queries(random, num_queries)
    candidate = toy_features.candidates(random, num_queries, num_candidates)
    query["embedding"] = toy_features.unit_vectors(random, num_queries, DIM)
    candidate["embedding"] = toy_features.unit_vectors(random, num_queries, num_candidates, DIM)
    return {"query": query, "candidate": candidate}


def built(kind: Kind = "wide_and_deep", **changes: Any) -> RankingModel:
    """A model whose weights are all drawn at random."""
    model = RankingModel(toy_features.fitted(), settings(kind, **changes))
    model(inputs(1, 1))
    random = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(random.normal(size=variable.shape) / 2)
    return model


def weights_of(model: RankingModel) -> dict[str, NDArray[Any]]:
    return {v.name.removesuffix(":0").removeprefix("ranking/"): v.numpy() for v in model.variables}


def one(features: dict[str, Any], *place: int) -> dict[str, Any]:
    return {name: values[place] for name, values in features.items()}


def embedded(table: NDArray[Any], indices: Any) -> NDArray[Any]:
    """The mean of the rows of the indices that are not 0, zeros where there is none."""
    known = [index for index in np.atleast_1d(indices) if index]
    mean: NDArray[Any] = table[known].mean(axis=0) if known else np.zeros(table.shape[1])
    return mean


def deep_logit(w: dict[str, NDArray[Any]], query: Any, app: Any) -> float:
    """The perceptron over the concatenation of everything that is known of the pair."""
    of_query: list[Any] = [
        embedded(w["deep/query_embedding/installed_app_ids"], query["installed_app_ids"]),
        embedded(w["deep/query_embedding/country"], query["country"]),
        [query["age"]],
        embedded(w["deep/query_embedding/hour"], query["hour"]),
    ]
    of_candidate: list[Any] = [
        embedded(w["deep/candidate_embedding/app_id"], app["app_id"]),
        embedded(w["deep/candidate_embedding/genres"], app["genres"]),
        [app["price"]],
        [query["embedding"] @ app["embedding"]],
    ]
    kernel = np.concatenate([w["deep/query_first/kernel"], w["deep/candidate_first/kernel"]])
    vector = np.maximum(
        np.concatenate(of_query + of_candidate) @ kernel + w["deep/query_first/bias"], 0
    )
    vector = np.maximum(vector @ w["deep/hidden_1/kernel"] + w["deep/hidden_1/bias"], 0)
    return float((vector @ w["deep/output/kernel"] + w["deep/output/bias"])[0])


def wide_logit(w: dict[str, NDArray[Any]], fitted: FittedTransform, query: Any, app: Any) -> float:
    """The sum of the weights of all that holds of the pair."""
    logit = w["wide/bias"]
    logit += sum(w["wide/query/installed_app_ids"][a] for a in query["installed_app_ids"] if a)
    logit += w["wide/query/country"][query["country"]] * (query["country"] != 0)
    logit += w["wide/query/age"][0] * query["age"]
    logit += w["wide/query/hour"][query["hour"]]
    logit += w["wide/candidate/app_id"][app["app_id"]] * (app["app_id"] != 0)
    logit += w["wide/candidate/price"][0] * app["price"]
    for cross in CROSSES:
        table = w[f"wide/cross_{cross.query}_x_{cross.candidate}/weights"]
        for left in np.atleast_1d(query[cross.query]):
            if left and app["app_id"]:
                mine = tf.constant(fingerprints(fitted, cross.query)[left])
                its = tf.constant(fingerprints(fitted, cross.candidate)[app["app_id"]])
                logit += table[int(bucket(mine, its, cross.num_buckets))]
    return float(logit)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_numpy(kind: Kind) -> None:
    model, asked = built(kind), inputs(6, 4)
    w, fitted = weights_of(model), toy_features.fitted()
    logits = model.logits(asked["query"], asked["candidate"]).numpy()
    assert logits.shape == (6, 4)
    for place in np.ndindex(6, 4):
        query, app = one(asked["query"], place[0]), one(asked["candidate"], *place)
        expected = 0.0
        if kind != "deep":
            expected += wide_logit(w, fitted, query, app)
        if kind != "linear":
            expected += deep_logit(w, query, app)
        assert logits[place] == pytest.approx(expected, abs=1e-4)
    chances = model(asked).numpy()
    np.testing.assert_allclose(chances, 1 / (1 + np.exp(-logits)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_depends_neither_on_batch_mates_nor_on_other_candidates(kind: Kind) -> None:
    model, asked = built(kind), inputs(9, 6)
    together = model(asked).numpy()
    backwards = np.arange(5, -1, -1)
    turned = {name: values[:, backwards] for name, values in asked["candidate"].items()}
    np.testing.assert_allclose(
        model({**asked, "candidate": turned}).numpy()[:, backwards], together, rtol=0, atol=1e-6
    )
    for row in range(9):
        some = np.array([row])
        query, candidate = take(asked["query"], some), take(asked["candidate"], some)
        alone = model({"query": query, "candidate": candidate}).numpy()
        np.testing.assert_allclose(alone[0], together[row], rtol=0, atol=1e-6)
        single = {name: values[:, 2:3] for name, values in candidate.items()}
        score = model({"query": query, "candidate": single}).numpy()
        np.testing.assert_allclose(score[0, 0], together[row, 2], rtol=0, atol=1e-6)


def test_an_empty_history_and_missing_values_have_a_score() -> None:
    asked = inputs(1, 2)
    for side in asked.values():
        for name, values in side.items():
            if name != "embedding":
                values[:] = 0
    assert np.isfinite(built()(asked).numpy()).all()


def test_the_loss_is_the_mean_log_loss() -> None:
    model, asked = built(), inputs(5, 3)
    label = (np.arange(15).reshape(5, 3) % 4 == 0).astype(np.float32)
    chance = model(asked).numpy().astype(np.float64)
    by_hand = -np.mean(label * np.log(chance) + (1 - label) * np.log(1 - chance))
    loss = float(model.compute_loss({**asked, "label": label}))
    assert loss == pytest.approx(by_hand, abs=1e-5)


def trained(ranking: Ranking, num_epochs: int = 8) -> tuple[RankingModel, list[float]]:
    examples = toy_features.examples()
    random = np.random.default_rng(0)
    vectors = Vectors(
        toy_features.unit_vectors(random, 256, DIM), toy_features.unit_vectors(random, 8, DIM)
    )
    tf.keras.utils.set_random_seed(1)
    model = RankingModel(toy_features.fitted(), ranking)
    model.compile_for_training()
    batches = RankingBatches(examples, vectors, ranking, seed=1)
    fit = model.fit(batches, epochs=num_epochs, verbose=0, shuffle=False)
    return model, fit.history["mean_loss"]


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_the_loss(kind: Kind) -> None:
    rates = {"wide_learning_rate": 0.5, "wide_l1": 0, "deep_learning_rate": 0.2}
    ranking = settings(kind, batch_size=32, hidden_units=(64, 32), **rates)
    model, losses = trained(ranking, num_epochs=12)
    assert losses[-1] < 0.8 * losses[0]
    parts = {v.name.split("/")[1] for v in model.trainable_variables}
    assert parts == {"linear": {"wide"}, "deep": {"deep"}, "wide_and_deep": {"wide", "deep"}}[kind]


def test_strong_l1_leaves_every_wide_weight_at_exactly_zero() -> None:
    model, _ = trained(settings("linear", wide_l1=1_000.0), num_epochs=1)
    for name, values in weights_of(model).items():
        assert not values.any(), name


def test_l1_keeps_the_weights_of_unseen_pairs_at_exactly_zero() -> None:
    model, _ = trained(settings("linear", wide_l1=0.01, wide_learning_rate=0.5), num_epochs=2)
    countries = weights_of(model)["wide/cross_country_x_app_id/weights"]
    fitted = toy_features.fitted()
    left = fingerprints(fitted, "country")[1:5, None]
    right = fingerprints(fitted, "app_id")[None, 1:9]
    seen = set(bucket(left, right, 4_096).numpy().ravel().tolist())
    assert set(np.flatnonzero(countries).tolist()) <= seen
    assert countries.any()


def test_weights_read_back(tmp_path: Path) -> None:
    model, other, asked = built(), RankingModel(toy_features.fitted(), settings()), inputs(3, 2)
    before = other(asked).numpy()
    weights.save(model, tmp_path)
    assert len(list(tmp_path.iterdir())) == len(model.variables)
    weights.restore(other, tmp_path)
    np.testing.assert_array_equal(other(asked), model(asked))
    assert not np.array_equal(other(asked), before)
