from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import toy_features

from recsys.config import Retrieval
from recsys.models.batches import take
from recsys.models.towers import CandidateTower, QueryTower

SETTINGS = Retrieval(embedding_dim=6, hidden_units=(64,), id_embedding_dim=3)


def towers(random: np.random.Generator) -> list[tuple[Any, dict[str, Any]]]:
    fitted = toy_features.fitted()
    return [
        (QueryTower(fitted, SETTINGS), toy_features.queries(random, 40)),
        (CandidateTower(fitted, SETTINGS), toy_features.candidates(random, 40)),
    ]


def test_towers_give_unit_vectors() -> None:
    for tower, features in towers(np.random.default_rng(0)):
        vectors = tower(features).numpy()
        assert vectors.shape == (40, 6)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_vector_does_not_depend_on_its_batch_mates() -> None:
    for tower, features in towers(np.random.default_rng(0)):
        together = tower(features).numpy()
        turned = tower(take(features, np.arange(39, -1, -1))).numpy()
        np.testing.assert_allclose(turned[::-1], together, rtol=0, atol=1e-6)
        for row in range(0, 40, 7):
            alone = tower(take(features, np.array([row]))).numpy()
            np.testing.assert_allclose(alone[0], together[row], rtol=0, atol=1e-6)


def test_the_vector_is_the_perceptrons_by_numpy() -> None:
    random = np.random.default_rng(0)
    tower, features = towers(random)[0]
    tower(features)
    for variable in tower.variables:
        variable.assign(random.normal(size=variable.shape))
    weights = {v.name.removesuffix(":0"): v.numpy() for v in tower.variables}
    history = weights["query_tower/embedding/installed_app_ids"]
    countries = weights["query_tower/embedding/country"]
    assert history.shape == (1 + 8 + 1, 3)
    assert countries.shape == (1 + 4 + 1, 16)
    for row, vector in enumerate(tower(features).numpy()):
        apps = features["installed_app_ids"][row]
        apps = apps[apps > 0]
        country = features["country"][row]
        inputs = np.concatenate(
            [
                history[apps].mean(axis=0) if len(apps) else np.zeros(3),
                countries[country] if country else np.zeros(16),
                features["age"][row : row + 1],
            ]
        )
        hidden = np.maximum(
            inputs @ weights["query_tower/hidden_0/kernel"] + weights["query_tower/hidden_0/bias"],
            0,
        )
        output = hidden @ weights["query_tower/output/kernel"] + weights["query_tower/output/bias"]
        np.testing.assert_allclose(vector, output / np.linalg.norm(output), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (3,)])
def test_an_empty_history_has_a_vector(shape: tuple[int]) -> None:
    tower = QueryTower(toy_features.fitted(), SETTINGS)
    query = toy_features.queries(np.random.default_rng(0), *shape)
    query["installed_app_ids"][:] = 0
    query["country"][:] = 0
    vectors = tower(query).numpy()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_order_of_a_history_does_not_matter_and_padding_weighs_nothing() -> None:
    tower = QueryTower(toy_features.fitted(), SETTINGS)
    query = toy_features.queries(np.random.default_rng(0), 3)
    query = {name: np.repeat(values[:1], 3, axis=0) for name, values in query.items()}
    query["installed_app_ids"] = np.array([[2, 5, 0, 0], [5, 2, 0, 0], [0, 5, 0, 2]], np.int32)
    first, *others = tower(query).numpy()
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-6)
