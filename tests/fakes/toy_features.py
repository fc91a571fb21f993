"""A few features over vocabularies that fit a test's body, and examples in which a query's country
tells which app it ends in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.config import Feature
from recsys.features.transform import FittedTransform
from recsys.features.transformed import TransformedExamples

NUM_APPS = 8
COUNTRIES = ["NO", "DE", "BR", "IN"]
GENRES = ["puzzle", "racing"]

FEATURES = {
    "installed_app_ids": Feature(
        table="users",
        kind="categories",
        models=("retrieval", "wide", "deep"),
        vocabulary="app_id",
        max_length=4,
    ),
    "country": Feature(table="requests", kind="category", models=("retrieval", "wide", "deep")),
    "age": Feature(table="users", kind="number", models=("retrieval", "wide", "deep")),
    "hour": Feature(table="requests", column="time", kind="hour", models=("wide", "deep")),
    "app_id": Feature(table="apps", kind="category", models=("retrieval", "wide", "deep")),
    "genres": Feature(table="apps", kind="categories", models=("retrieval", "deep"), max_length=2),
    "price": Feature(table="apps", kind="number", models=("retrieval", "wide", "deep")),
}
QUERY = ("installed_app_ids", "country", "age", "hour")
CANDIDATE = ("app_id", "genres", "price")


def app_ids(count: int = NUM_APPS) -> list[str]:
    """Ids in the order of the vocabulary."""
    return [f"app-{number}" for number in range(count)]


def fitted(features: dict[str, Feature] | None = None) -> FittedTransform:
    """A transform as if it had been fitted."""
    return FittedTransform(
        features=features or FEATURES,
        vocabularies={"app_id": app_ids(), "country": COUNTRIES, "genres": GENRES},
        boundaries={"age": [20.0, 40.0, 60.0], "price": [0.0, 1.0]},
    )


def queries(
    random: np.random.Generator, count: int, num_apps: int = NUM_APPS
) -> dict[str, NDArray[Any]]:
    """Transformed query features `[count, ...]`; histories hold no app twice, some hold none."""
    lengths = random.integers(0, 5, size=count)
    history = np.zeros((count, 4), dtype=np.int32)
    for row, length in enumerate(lengths):
        history[row, :length] = 1 + random.permutation(num_apps)[:length]
    return {
        "installed_app_ids": history,
        "country": random.integers(0, 6, size=count).astype(np.int32),
        "age": random.random(count).astype(np.float32),
        "hour": random.integers(1, 25, size=count).astype(np.int32),
    }


def candidates(random: np.random.Generator, *shape: int) -> dict[str, NDArray[Any]]:
    """Transformed candidate features `[*shape, ...]`."""
    return {
        "app_id": random.integers(0, NUM_APPS + 2, size=shape).astype(np.int32),
        "genres": random.integers(0, 4, size=(*shape, 2)).astype(np.int32),
        "price": random.random(shape).astype(np.float32),
    }


def examples(
    num_queries: int = 256, seed: int = 5, num_apps: int = NUM_APPS
) -> TransformedExamples:
    """Two impressions a query: an app of its country, installed, and another, not installed. The
    first half of the queries is of day 0, the rest of day 1."""
    random = np.random.default_rng(seed)
    query = queries(random, num_queries, num_apps)
    query["country"] = random.integers(1, 5, size=num_queries).astype(np.int32)
    catalogue = candidates(random, num_apps)
    catalogue["app_id"] = np.arange(1, num_apps + 1, dtype=np.int32)
    wanted = query["country"] - 1 + 4 * random.integers(0, 2, size=num_queries)
    other = (wanted + random.integers(1, 4, size=num_queries)) % num_apps
    app_row = np.stack([wanted, other], axis=1).ravel().astype(np.int64)
    return TransformedExamples(
        query=query,
        candidate={name: values[app_row] for name, values in catalogue.items()},
        query_day=(np.arange(num_queries) >= num_queries // 2).astype(np.int32),
        query_row=np.repeat(np.arange(num_queries), 2),
        app_row=app_row,
        installed=np.tile([True, False], num_queries),
        catalogue=catalogue,
    )


def unit_vectors(random: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """Vectors of length 1, `[*shape]`."""
    vectors = random.normal(size=shape)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit.astype(np.float32)
