from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tiny_pipeline import TinyPipeline

from pipeline import transform
from recsys.features import spec
from recsys.features.transform import FeatureTransform, FittedTransform
from recsys.features.transformed import TransformedExamples


@pytest.fixture(scope="module")
def arrays(tiny: TinyPipeline) -> TransformedExamples:
    return TransformedExamples.load(tiny.graph.path / transform.EXAMPLES)


def test_rows_point_to_their_own_query_and_app(
    tiny: TinyPipeline, arrays: TransformedExamples
) -> None:
    queries = pa.concat_tables([pq.read_table(span.queries) for span in tiny.train])
    impressions = pa.concat_tables([pq.read_table(span.examples) for span in tiny.train])
    apps = pq.read_table(tiny.graph.path / transform.APPS)
    assert len(arrays.query_row) == len(impressions)
    assert queries["request_id"].take(arrays.query_row) == impressions["request_id"]
    known = arrays.app_row >= 0
    assert known.all()
    assert apps["app_id"].take(arrays.app_row).to_pylist() == impressions["app_id"].to_pylist()
    assert arrays.installed.tolist() == impressions["installed"].to_pylist()


def test_arrays_are_the_transform_of_the_raw_rows(
    tiny: TinyPipeline, arrays: TransformedExamples
) -> None:
    features = tiny.workspace.config.features
    folder = tiny.graph.path / transform.GRAPH
    apply = FeatureTransform(FittedTransform.load(folder, features), folder)
    tables = {
        "query": pa.concat_tables([pq.read_table(span.queries) for span in tiny.train]),
        "candidate": pa.concat_tables([pq.read_table(span.examples) for span in tiny.train]),
        "catalogue": pq.read_table(tiny.graph.path / transform.APPS),
    }
    for group, table in tables.items():
        side = spec.of_query(features) if group == "query" else spec.of_candidate(features)
        stored = getattr(arrays, group)
        assert set(stored) == set(side)
        for name, values in apply(spec.raw_from_table(table, side)).items():
            np.testing.assert_array_equal(stored[name], values, err_msg=f"{group} {name}")


def test_the_vocabulary_of_apps_is_counted_over_impressions(tiny: TinyPipeline) -> None:
    features = tiny.workspace.config.features
    fitted = FittedTransform.load(tiny.graph.path / transform.GRAPH, features)
    shown = pa.concat_tables([pq.read_table(span.examples) for span in tiny.train])["app_id"]
    counts = {row["values"]: row["counts"] for row in pc.value_counts(shown).to_pylist()}
    often = [app for app, count in counts.items() if count >= features["app_id"].min_count]
    assert fitted.vocabularies["app_id"] == sorted(often, key=lambda app: (-counts[app], app))
