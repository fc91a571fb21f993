from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tiny_pipeline import TinyPipeline

from pipeline import transform
from recsys.bundle import Bundle
from recsys.features.transformed import TransformedExamples


def test_popular_apps_are_the_installs_of_the_window_by_country(
    tiny: TinyPipeline, tiny_bundle: Bundle
) -> None:
    counts: Counter[tuple[str | None, str]] = Counter()
    for span in tiny.train:
        rows, queries = pq.read_table(span.examples), pq.read_table(span.queries)
        installs = rows.filter(rows["installed"])
        countries = queries["country"].take(installs["query_row"]).to_pylist()
        for app, country in zip(installs["app_id"].to_pylist(), countries, strict=True):
            counts.update([(None, app), (country, app)])
    popular = tiny_bundle.popular()
    keys = zip(popular["country"].to_pylist(), popular["app_id"].to_pylist(), strict=True)
    assert dict(zip(keys, popular["num_installs"].to_pylist(), strict=True)) == dict(counts)


def test_popular_apps_come_in_the_order_of_their_installs(tiny_bundle: Bundle) -> None:
    popular = tiny_bundle.popular()
    for country in {None, *popular["country"].to_pylist()}:
        column = popular["country"]
        mine = popular.filter(
            column.is_null() if country is None else pa.compute.equal(column, country)
        )
        rows = list(zip(mine["num_installs"].to_pylist(), mine["app_id"].to_pylist(), strict=True))
        assert rows == sorted(rows, key=lambda row: (-row[0], row[1]))


def test_app_features_stand_in_the_catalogues_order(
    tiny: TinyPipeline, tiny_bundle: Bundle
) -> None:
    arrays = TransformedExamples.load(tiny.graph.path / transform.EXAMPLES)
    stored = dict(tiny_bundle.app_features())
    vectors = stored.pop("embedding")
    assert stored.keys() == arrays.catalogue.keys()
    for name, values in stored.items():
        np.testing.assert_array_equal(values, arrays.catalogue[name])
    rows, _ = tiny_bundle.index().search(np.ascontiguousarray(vectors), 1)
    products = np.einsum("ad,ad->a", vectors, vectors[rows[:, 0]])
    np.testing.assert_allclose(products, 1, rtol=0, atol=1e-5)
    assert len(vectors) == len(tiny_bundle.catalogue())


def test_the_configuration_travels_with_the_bundle(tiny: TinyPipeline, tiny_bundle: Bundle) -> None:
    assert tiny_bundle.config == tiny.workspace.config
    assert tiny_bundle.version.startswith("2024-03-03-")
