from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import toy_features

from recsys.config import Retrieval
from recsys.models import weights
from recsys.models.batches import RetrievalBatches, take
from recsys.models.retrieval import RetrievalModel

SETTINGS = Retrieval(
    embedding_dim=6,
    hidden_units=(32,),
    id_embedding_dim=8,
    temperature=0.3,
    batch_size=32,
    num_hidden_apps=16,
    num_uniform_negatives=8,
    learning_rate=0.01,
)


def model(**changes: Any) -> RetrievalModel:
    tf.keras.utils.set_random_seed(1)
    return RetrievalModel(toy_features.fitted(), SETTINGS.model_copy(update=changes))


def batch(random: np.random.Generator) -> dict[str, Any]:
    """Five queries, five positives of which two are one app, and three more negatives, one of
    which is a positive too."""
    return {
        "query": toy_features.queries(random, 5),
        "candidate": toy_features.candidates(random, 8),
        "candidate_row": np.array([3, 1, 4, 1, 5, 0, 4, 2]),
        "sampling_probability": np.array(
            [0.5, 1.0, 0.1, 1.0, 0.01, 0.2, 0.1, 0.3], dtype=np.float32
        ),
    }


def softmax_loss(logits: Any, rows: Any) -> float:
    """The mean over queries of -log softmax of the own candidate, where another candidate that is
    the same app is none."""
    losses = []
    for number, mine in enumerate(logits):
        counted = np.array([r != rows[number] for r in rows])
        counted[number] = True
        losses.append(np.log(np.exp(mine[counted]).sum()) - mine[number])
    return float(np.mean(losses))


@pytest.mark.parametrize("sampling_correction", [True, False])
def test_the_loss_is_the_corrected_softmax(sampling_correction: bool) -> None:
    towers = model(sampling_correction=sampling_correction)
    inputs = batch(np.random.default_rng(2))
    query = towers.query_tower(inputs["query"]).numpy()
    candidate = towers.candidate_tower(inputs["candidate"]).numpy()
    logits = query @ candidate.T / 0.3
    if sampling_correction:
        logits = logits - np.log(inputs["sampling_probability"])
    loss = float(towers.compute_loss(inputs))
    assert loss == pytest.approx(softmax_loss(logits, inputs["candidate_row"]), abs=1e-5)


def test_the_correction_makes_a_rarely_sampled_negative_weigh_more() -> None:
    towers = model()
    inputs = batch(np.random.default_rng(2))
    before = float(towers.compute_loss(inputs))
    rarer = inputs["sampling_probability"].copy()
    rarer[7] /= 100
    after = float(towers.compute_loss({**inputs, "sampling_probability": rarer}))
    # One draw of a rare app stands for the many that were not drawn.
    assert after > before


def test_apps_hidden_by_dropout_are_hidden_in_training_only() -> None:
    towers = model(dropout=0.999_999)
    inputs = batch(np.random.default_rng(2))
    nothing = np.zeros_like(inputs["query"]["installed_app_ids"])
    bare = {**inputs, "query": {**inputs["query"], "installed_app_ids": nothing}}
    in_training = float(towers.compute_loss(inputs, training=True))
    assert in_training == pytest.approx(float(towers.compute_loss(bare)), abs=1e-6)
    assert in_training != pytest.approx(float(towers.compute_loss(inputs)), abs=1e-6)


def test_training_lowers_the_loss_and_finds_the_countrys_apps() -> None:
    examples = toy_features.examples()
    towers = model(num_hidden_apps=0)
    towers.compile_for_training()
    batches = RetrievalBatches(examples, SETTINGS.model_copy(update={"num_hidden_apps": 0}), seed=1)
    history = towers.fit(batches, epochs=12, verbose=0, shuffle=False).history["mean_loss"]
    assert history[-1] < 0.8 * history[0]
    products = (
        towers.query_tower(examples.query).numpy()
        @ towers.candidate_tower(examples.catalogue).numpy().T
    )
    best_two = np.argsort(-products, axis=1)[:, :2]
    is_hit = best_two % 4 == examples.query["country"][:, None] - 1
    # By chance it would be one in four.
    assert is_hit.mean() > 0.9


def test_weights_read_back(tmp_path: Any) -> None:
    random = np.random.default_rng(2)
    query, candidate = toy_features.queries(random, 4), toy_features.candidates(random, 4)
    trained, other = model(), model()
    for towers in (trained, other):
        towers.query_tower(query)
        towers.candidate_tower(candidate)
    for variable in trained.variables:
        variable.assign(random.normal(size=variable.shape))
    weights.save(trained, tmp_path)
    assert len(list(tmp_path.iterdir())) == len(trained.trainable_variables)
    weights.restore(other, tmp_path)
    np.testing.assert_array_equal(other.query_tower(query), trained.query_tower(query))
    np.testing.assert_array_equal(
        other.candidate_tower(take(candidate, np.arange(2))),
        trained.candidate_tower(take(candidate, np.arange(2))),
    )
