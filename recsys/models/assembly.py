"""A bundle's folder, written from what goes into it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recsys import bundle, index
from recsys.catalogue import Catalogue
from recsys.config import Config
from recsys.features.fitted import FittedTransform
from recsys.features.spec import EMBEDDING
from recsys.features.transform import FeatureTransform
from recsys.features.transformed import Arrays, save_arrays
from recsys.models.export import TwoStageModel
from recsys.models.folding import fold
from recsys.models.ranking import RankingModel
from recsys.models.retrieval import RetrievalModel


@dataclass(frozen=True)
class Parts:
    """What goes into a bundle beside its configuration."""

    fitted: FittedTransform
    graph: Path
    """Where `fitted` was saved."""
    towers: RetrievalModel
    ranker: RankingModel
    catalogue: Arrays
    """Transformed features of every app, `[num_apps, ...]`."""
    vectors: NDArray[np.float32]
    """The apps' unit vectors, `[num_apps, dim]`."""
    apps: Path
    """The Parquet file of the apps, in the same order."""
    popular: pa.Table
    """Of `recsys.bundle.POPULAR_SCHEMA`, the most installed first."""
    queries: NDArray[np.float32] | None = None
    """Unit vectors of queries of the window, `[num_queries, dim]`, to measure the index on; None
    where the towers are untrained."""


def assemble(
    parts: Parts, config: Config, span: str, lineage: Sequence[dict[str, Any]], out: Path
) -> str:
    """Writes the files that `recsys.bundle` names; returns the version.

    Args:
        parts: what goes into it.
        config: the configuration that it was built with.
        span: the day that it is of.
        lineage: the records of all artifacts that went into it.
        out: the folder to write into.
    """
    transform = FeatureTransform(parts.fitted, parts.graph)
    model = TwoStageModel(config.features, transform, parts.towers, parts.ranker)
    model.save(out / bundle.MODEL)
    fold(parts.fitted, config, parts.towers, parts.ranker, parts.catalogue, out / bundle.EXECUTOR)
    save_arrays(out / bundle.APP_FEATURES, {**parts.catalogue, EMBEDDING: parts.vectors})
    found, point = index.tuned(
        config.index, parts.vectors, parts.queries, config.recommender.num_retrieved
    )
    found.save(out / bundle.INDEX)
    (out / bundle.INDEX_POINT).write_text(json.dumps(dataclasses.asdict(point), indent=1) + "\n")
    shutil.copyfile(parts.apps, out / bundle.APPS)
    Catalogue.save(pq.read_table(parts.apps), out / bundle.CATALOGUE)
    pq.write_table(parts.popular, out / bundle.POPULAR)
    settings = config.model_dump(mode="json", by_alias=True)
    (out / bundle.CONFIG).write_text(json.dumps(settings, indent=1) + "\n")
    return bundle.write_manifest(out, span, point.kind, list(lineage))
