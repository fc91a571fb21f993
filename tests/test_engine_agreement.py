"""What DuckDB and a Spark cluster make of the same days is the same, component by component."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from tiny_pipeline import TinyPipeline

from pipeline import artifacts, bundle_gen, components, held_out, random_split
from pipeline import transform as transforming
from pipeline.statistics_gen import STATISTICS
from recsys import config, engine
from recsys.config import Config
from recsys.features import statistics
from recsys.features.statistics import sampling
from recsys.features.transform import FittedTransform
from recsys.tables import INSTALL
from recsys.workspace import Workspace


@pytest.fixture(scope="module")
def on_spark(
    tiny: TinyPipeline, spark_engine: config.Engine, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """The tiny pipeline's logs, in a workspace whose engine is the cluster."""
    root = tmp_path_factory.mktemp("spark workspace")
    shutil.copytree(tiny.workspace.logs, root / "logs")
    configuration = tiny.workspace.config.model_copy(update={"engine": spark_engine})
    (root / config.FILE_NAME).write_text(config.render(configuration))
    return Workspace(root)


def assert_same_tables(path: Path, other: Path) -> None:
    found, expected = pq.read_table(path), pq.read_table(other)
    assert found.column_names == expected.column_names
    assert found.schema.types == expected.schema.types
    for name in expected.column_names:
        assert found[name].to_pylist() == expected[name].to_pylist(), name


def assert_same_examples(folder: Path, expected: Path) -> None:
    names = {file.name for file in expected.iterdir() if file.name != artifacts.RECORD}
    assert names == {file.name for file in folder.iterdir()}
    for name in names:
        if name.endswith(".parquet"):
            assert_same_tables(folder / name, expected / name)
        else:
            assert (folder / name).read_text() == (expected / name).read_text(), name


def test_examples_are_equal_row_for_row(
    tiny: TinyPipeline, on_spark: Workspace, tmp_path: Path
) -> None:
    second = tiny.train[1]  # it has a day before it, and installs on both
    components.example_gen(on_spark, on_spark.days("requests")[1], tmp_path)
    assert_same_examples(tmp_path, second.path)


def test_a_random_split_is_equal_row_for_row(tiny: TinyPipeline, on_spark: Workspace) -> None:
    found = []
    for workspace in (tiny.workspace, on_spark):
        outcomes = engine.read_days(workspace, "outcomes", workspace.days("outcomes"))
        assigned = random_split.assign(outcomes.filter(outcomes.kind == INSTALL), seed=7)
        both = assigned.left_join(random_split.history(assigned), "request_id")
        in_order = both.drop("request_id_right").order_by("request_id", "app_id")
        found.append(engine.to_arrow(workspace.config.engine, in_order))
    assert found[0].num_rows > 100
    assert found[1].equals(found[0])


def figures(message: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure of a message by its path, whatever fields it has."""
    for field, value in message.ListFields():
        here = f"{path}.{field.name}"
        values = value if field.is_repeated else [value]
        for place, one in enumerate(values):
            at = f"{here}[{place}]" if field.is_repeated else here
            if field.message_type is None:
                yield at, one
            else:
                yield from figures(one, at)


def test_statistics_are_equal_figure_for_figure(
    tiny: TinyPipeline, on_spark: Workspace, tmp_path: Path
) -> None:
    """A tiny day has exact figures only; sums of doubles differ by the order of their terms."""
    wanted = config.Statistics(
        slices={"device": "device", "paid": "price > 0"},
        pairs=(("price", "rating"), ("category", "installed")),
    )
    found = {}
    for name, workspace in {"duckdb": tiny.workspace, "spark": on_spark}.items():
        (tmp_path / name).mkdir()
        settings = workspace.config.model_copy(update={"statistics": wanted})
        components.statistics_gen(tiny.train[1], settings, tmp_path / name)
        message = statistics_pb2.DatasetFeatureStatisticsList()
        message.ParseFromString((tmp_path / name / STATISTICS).read_bytes())
        found[name] = dict(figures(message))
    assert found["spark"].keys() == found["duckdb"].keys()
    for path, expected in found["duckdb"].items():
        if isinstance(expected, float):
            expected = pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)
        assert found["spark"][path] == expected, path


def test_estimates_of_a_large_table_are_within_their_bounds(
    spark_engine: config.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MAX_COUNTED", 10_000)
    num_rows, num_ids = 2 * sampling.NUM_SAMPLED, 50_000
    numbers = np.random.default_rng(3).lognormal(size=num_rows)
    ids = [f"id{number % num_ids}" for number in range(num_rows)]
    pq.write_table(pa.table({"x": numbers, "id": ids}), tmp_path / "x.parquet")
    table = engine.read_parquet(spark_engine, [tmp_path / "x.parquet"])
    found = statistics.features(statistics.compute(spark_engine, {"examples": table}))
    cuts = statistics.quantiles(found["x"])
    ranks = np.searchsorted(np.sort(numbers), cuts) / num_rows
    wanted = np.linspace(0, 1, len(cuts))
    assert np.abs(ranks - wanted).max() <= sampling.QUANTILE_RANK_ERROR
    assert abs(found["id"].string_stats.unique / num_ids - 1) <= sampling.DISTINCT_ERROR
    assert found["x"].num_stats.mean == pytest.approx(numbers.mean())


def test_vocabularies_are_equal_and_quantiles_too(
    tiny: TinyPipeline, on_spark: Workspace, tmp_path: Path
) -> None:
    apps = on_spark.files("apps", on_spark.days("apps")[-1])
    components.transform(tiny.train, apps, on_spark.config, tmp_path)
    features = on_spark.config.features
    found = FittedTransform.load(tmp_path / transforming.GRAPH, features)
    expected = FittedTransform.load(tiny.graph.path / transforming.GRAPH, features)
    assert found.vocabularies == expected.vocabularies
    assert found.boundaries.keys() == expected.boundaries.keys()
    for name, boundaries in expected.boundaries.items():
        assert found.boundaries[name] == pytest.approx(boundaries, rel=1e-12), name


def test_what_is_popular_and_who_is_held_out_are_equal(
    tiny: TinyPipeline, on_spark: Workspace, tmp_path: Path
) -> None:
    settings: Mapping[str, Config] = {"duckdb": tiny.workspace.config, "spark": on_spark.config}
    for name, each in settings.items():
        popular = bundle_gen.popular_apps(tiny.train, each)
        pq.write_table(popular, tmp_path / f"{name}.parquet")
    assert_same_tables(tmp_path / "spark.parquet", tmp_path / "duckdb.parquet")
    spark, duckdb = (
        held_out.held_out_users([tiny.test], settings[name]) for name in ("spark", "duckdb")
    )
    assert duckdb
    assert spark == duckdb
