"""A bundle of the full shape with untrained weights: what the latency of a large catalogue is
measured on, in minutes and without a day of data.

Its catalogue is drawn at random, its towers and its ranker are as they begin, its crosses have
random weights. All files are written by the code that writes a trained bundle's.

Only the apps' vectors are not their tower's output. Training brings apps near to the queries that
install them; untrained towers know nothing of each other, and no index finds neighbours where there
are none. So the apps' vectors are a mixture: each lies around the query tower's vector of one of
`_NUM_CLUSTERS` drawn users, at a distance of about `_SPREAD`. A trained catalogue is tighter, and
an index of it finds as much with fewer probes.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loadtests.untrained_apps import COUNTRIES, NUMBERS, SPAN, TEXTS, drawn_apps
from loadtests.untrained_users import drawn_users
from recsys import config as configuration
from recsys.bundle import POPULAR_SCHEMA
from recsys.config import Config
from recsys.features import spec
from recsys.features.fitted import FittedTransform
from recsys.features.transform import FeatureTransform
from recsys.features.transformed import Arrays, TransformedExamples
from recsys.index.contract import Vectors
from recsys.models.assembly import Parts, assemble
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel
from recsys.models.training import unit_vectors

_POPULAR_PER_COUNTRY = 1_000
_NUM_CLUSTERS = 16_384
_NUM_QUERIES = 4_096
"""To measure the index on: of other users than those whom the apps lie around."""
_SPREAD = 0.3
_SETTINGS = {"extends": "playstore"}


def build(num_apps: int, out: Path, seed: int = 0) -> str:
    """Writes a bundle of that many apps; returns its version.

    Args:
        num_apps: size of the catalogue.
        out: the folder to write into, which is there.
        seed: of the catalogue and of the weights of crosses.
    """
    config = configuration.parse(_SETTINGS, "an untrained bundle")
    random = np.random.default_rng(seed)
    apps = drawn_apps(random, num_apps)
    fitted = _fitted(apps, config)
    catalogue = _transformed(apps, fitted)
    towers, ranker = _models(random, fitted, catalogue, config)
    with tempfile.TemporaryDirectory(prefix="recsys-untrained-") as scratch:
        graph, table = Path(scratch) / "graph", Path(scratch) / "apps.parquet"
        fitted.save(graph)
        pq.write_table(apps, table)
        drawn = _queries(random, fitted, graph, towers, apps["app_id"].combine_chunks())
        centres, queries = drawn[:_NUM_CLUSTERS], drawn[_NUM_CLUSTERS:]
        vectors = _around(random, centres, num_apps)
        popular = _popular(random, apps["app_id"])
        parts = Parts(fitted, graph, towers, ranker, catalogue, vectors, table, popular, queries)
        return assemble(parts, config, SPAN, [], out)


def _fitted(apps: pa.Table, config: Config) -> FittedTransform:
    """A transform that knows every app and every text."""
    known = {**TEXTS, "app_id": apps["app_id"].to_pylist()}
    known["developer"] = apps["developer"].unique().to_pylist()
    own = {name for name, feature in config.features.items() if feature.owns_vocabulary}
    levels = np.arange(1, 100) / 100
    return FittedTransform(
        config.features,
        {name: known[name] for name in own},
        {name: np.quantile(apps[name].to_numpy(), levels).tolist() for name in NUMBERS},
    )


def _transformed(apps: pa.Table, fitted: FittedTransform) -> dict[str, NDArray[Any]]:
    """Transformed features of every app."""
    found: dict[str, NDArray[Any]] = {}
    for name, feature in spec.of_candidate(fitted.features).items():
        column = apps[spec.column_of(name, feature)]
        if feature.kind == "number":
            below = np.searchsorted(fitted.boundaries[name], column.to_numpy(), side="right")
            found[name] = (below / len(fitted.boundaries[name])).astype(np.float32)
        else:
            values = pa.array(fitted.vocabularies[name])
            found[name] = 1 + pc.index_in(column, values).to_numpy().astype(np.int32)
    return found


def _models(
    random: np.random.Generator, fitted: FittedTransform, catalogue: Arrays, config: Config
) -> tuple[RetrievalModel, RankingModel]:
    towers, ranker = RetrievalModel(fitted, config.retrieval), RankingModel(fitted, config.ranking)
    query = {name: _zeros(feature) for name, feature in spec.of_query(config.features).items()}
    none = np.zeros(0, dtype=np.int64)
    examples = TransformedExamples(
        query, {}, none.astype(np.int32), none, none, none > 0, catalogue
    )
    towers.make_weights(examples)
    ranker.make_weights(examples)
    for variable in ranker.trainable_variables:
        if "wide" in variable.name:
            variable.assign(random.normal(size=variable.shape, scale=0.05).astype(np.float32))
    return towers, ranker


def _queries(
    random: np.random.Generator,
    fitted: FittedTransform,
    graph: Path,
    towers: RetrievalModel,
    apps: pa.Array,
) -> Vectors:
    """The query tower's vectors of drawn users who ask in the course of a day."""
    count = _NUM_CLUSTERS + _NUM_QUERIES
    users = drawn_users(random, 0, count, apps)
    seconds = pa.array(random.integers(86_400, size=count), pa.duration("s"))
    times = pc.add(pa.scalar(dt.datetime.fromisoformat(SPAN), pa.timestamp("s", "UTC")), seconds)
    surfaces = pa.array(random.choice(TEXTS["surface"], count))
    asked = users.append_column("time", times).append_column("surface", surfaces)
    raw = spec.raw_from_table(asked, spec.of_query(fitted.features))
    transformed = FeatureTransform(fitted, graph)(raw)
    return unit_vectors(
        towers.query_tower, {name: np.asarray(values) for name, values in transformed.items()}
    )


def _around(random: np.random.Generator, centres: Vectors, count: int) -> Vectors:
    """Unit vectors, each around one of the centres."""
    dim = centres.shape[1]
    vectors = random.standard_normal((count, dim), np.float32)
    vectors *= np.float32(_SPREAD / dim**0.5)
    vectors += centres[random.integers(len(centres), size=count)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _zeros(feature: configuration.Feature) -> NDArray[Any]:
    shape = (1, feature.max_length) if feature.kind == "categories" else (1,)
    return np.zeros(shape, np.float32 if feature.kind == "number" else np.int32)


def _popular(random: np.random.Generator, app_ids: pa.ChunkedArray) -> pa.Table:
    """As many apps in each country and in all as a trained bundle keeps of a country."""
    count = min(_POPULAR_PER_COUNTRY, len(app_ids))
    parts: list[Mapping[str, Any]] = [
        {
            "country": [country] * count,
            "app_id": app_ids.take(random.permutation(len(app_ids))[:count]).to_pylist(),
            "num_installs": np.arange(count, 0, -1),
        }
        for country in [None, *COUNTRIES]
    ]
    return pa.concat_tables([pa.table(dict(part), POPULAR_SCHEMA) for part in parts])
