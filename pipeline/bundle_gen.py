"""BundleGen: everything that a server needs in one folder, made of what the components before
wrote. TFX has no name for it: its bundles hold one model, ours two, a transform and an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import random_split, trainer, transform
from pipeline.artifacts import Examples, TrainedRanking, TrainedRetrieval, TransformGraph
from recsys import engine
from recsys.bundle import POPULAR_SCHEMA
from recsys.config import Config
from recsys.features import spec
from recsys.features.fitted import FittedTransform
from recsys.features.transformed import TransformedExamples
from recsys.index.tuning import NUM_QUERIES
from recsys.models import weights
from recsys.models.assembly import Parts, assemble
from recsys.models.batches import Vectors
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel
from recsys.models.training import unit_vectors

_POPULAR_PER_COUNTRY = 1_000


def bundle_gen(
    transformed: TransformGraph,
    retrieval: TrainedRetrieval,
    ranking: TrainedRanking,
    examples: Sequence[Examples],
    span: str,
    lineage: Sequence[dict[str, Any]],
    config: Config,
    out: Path,
) -> None:
    """Writes the files that `recsys.bundle` names.

    Args:
        transformed: transform and catalogue.
        retrieval: the trained towers.
        ranking: the trained ranker.
        examples: the window, for what was popular in it.
        span: the day that the bundle is of.
        lineage: the records of all artifacts that went into it.
        config: the configuration; it travels with the bundle.
        out: the folder to write into.
    """
    arrays = TransformedExamples.load(transformed.path / transform.EXAMPLES)
    fitted = trainer.fitted_transform(transformed, config)
    towers, ranker = _restored(fitted, retrieval, ranking, arrays, config)
    parts = Parts(
        fitted=fitted,
        graph=transformed.path / transform.GRAPH,
        towers=towers,
        ranker=ranker,
        catalogue=arrays.catalogue,
        vectors=Vectors.load(retrieval.path / trainer.VECTORS).catalogue,
        apps=transformed.path / transform.APPS,
        popular=popular_apps(examples, config),
        queries=_query_vectors(towers, arrays),
    )
    assemble(parts, config, span, lineage, out)


def _query_vectors(towers: RetrievalModel, arrays: TransformedExamples) -> NDArray[np.float32]:
    """Unit vectors of some queries of the window, spread over it, `[num_queries, dim]`."""
    num_queries = len(arrays.query_day)
    rows = np.linspace(0, num_queries - 1, min(NUM_QUERIES, num_queries)).astype(np.int64)
    sample = {name: values[rows] for name, values in arrays.query.items()}
    return unit_vectors(towers.query_tower, sample)


def _restored(
    fitted: FittedTransform,
    retrieval: TrainedRetrieval,
    ranking: TrainedRanking,
    arrays: TransformedExamples,
    config: Config,
) -> tuple[RetrievalModel, RankingModel]:
    towers = RetrievalModel(fitted, config.retrieval)
    ranker = RankingModel(fitted, config.ranking)
    for model, trained in ((towers, retrieval), (ranker, ranking)):
        model.make_weights(arrays)
        weights.restore(model, trained.path / weights.WEIGHTS)
    return towers, ranker


def popular_apps(examples: Sequence[Examples], config: Config) -> pa.Table:
    """Installs of the window by app, in each country and in all, the most first."""
    queries = engine.read_parquet(config.engine, [span.queries for span in examples])
    rows = engine.read_parquet(config.engine, [span.examples for span in examples])
    if config.examples.split == "random":
        rows = rows.filter(rows.split == random_split.TRAIN)
    installs = rows.filter(rows.installed)
    everywhere = installs.select("app_id", country=ibis.null("string"))
    counted = everywhere
    if "country" in queries.columns and "country" in spec.columns(spec.of_query(config.features)):
        placed = installs.inner_join(queries.select("request_id", "country"), "request_id")
        counted = everywhere.union(placed.filter(placed.country.notnull())["app_id", "country"])
    counts = counted.group_by("country", "app_id").agg(num_installs=ibis._.count())
    order = [ibis.desc("num_installs"), "app_id"]
    ranked = counts.mutate(
        place=ibis.row_number().over(ibis.window(group_by="country", order_by=order))
    )
    kept = ranked.filter(ranked.country.isnull() | (ranked.place < _POPULAR_PER_COUNTRY))
    table = engine.to_arrow(config.engine, kept.order_by(["country", *order]).drop("place"))
    return table.select(POPULAR_SCHEMA.names).cast(POPULAR_SCHEMA)
