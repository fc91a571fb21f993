"""Transform: vocabularies and quantiles fitted on the window, and the window's examples with them
applied, ready to train on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import random_split
from pipeline.artifacts import Examples
from recsys import engine
from recsys.config import Config
from recsys.features import spec
from recsys.features import transform as transforms
from recsys.features.spec import Features
from recsys.features.transform import FeatureTransform
from recsys.features.transformed import TransformedExamples

GRAPH = "graph"
EXAMPLES = "examples"
APPS = "apps.parquet"

_ROWS_AT_ONCE = 50_000


def transform(
    examples: Sequence[Examples], apps: Sequence[Path], config: Config, out: Path
) -> None:
    """Writes the fitted transform (`graph/`), the transformed examples (`examples/`) and the
    catalogue that they point into (`apps.parquet`).

    Args:
        examples: the window that models are trained on.
        apps: the files of the snapshot of apps at the window's end.
        config: says which features there are.
        out: the folder to write into.

    Raises:
        BadInput: a feature has no value in the window.
    """
    queries = engine.read_parquet(config.engine, [span.queries for span in examples])
    impressions = engine.read_parquet(config.engine, [span.examples for span in examples])
    if config.examples.split == "random":
        impressions = impressions.filter(impressions.split == random_split.TRAIN)
    fitted = transforms.fit(queries, impressions, config.features)
    fitted.save(out / GRAPH)
    catalogue = pq.read_table(list(apps))
    pq.write_table(catalogue, out / APPS, compression="zstd")
    applied = _apply(FeatureTransform(fitted, out / GRAPH), examples, catalogue, config.features)
    applied.save(out / EXAMPLES)


def _apply(
    apply: FeatureTransform, examples: Sequence[Examples], catalogue: pa.Table, features: Features
) -> TransformedExamples:
    of_query, of_candidate = spec.of_query(features), spec.of_candidate(features)
    queries = (batch for span in examples for batch in _batches(span.queries))
    query = _transformed(apply, queries, of_query)
    candidate = _transformed(apply, _training_examples(examples), of_candidate)
    keys = pa.concat_tables(
        batch.select(["query_row", "app_id", "installed"]) for batch in _training_examples(examples)
    )
    app_row = pc.index_in(keys["app_id"], value_set=catalogue["app_id"].combine_chunks())
    days = np.array([span.record.span for span in examples], dtype="datetime64[D]")
    num_queries = [pq.read_metadata(span.queries).num_rows for span in examples]
    return TransformedExamples(
        query=query,
        candidate=candidate,
        query_day=np.repeat(days.astype(np.int32), num_queries),
        query_row=keys["query_row"].to_numpy().astype(np.int64),
        app_row=pc.fill_null(app_row, -1).to_numpy().astype(np.int64),
        installed=keys["installed"].to_numpy().astype(np.bool_),
        catalogue=_transformed(apply, [catalogue], of_candidate),
    )


def _training_examples(examples: Sequence[Examples]) -> Iterator[pa.Table]:
    """The rows to train on, their `query_row` counted over the whole window."""
    num_queries = 0
    for span in examples:
        for batch in _batches(span.examples):
            rows = batch
            if "split" in batch.column_names:
                rows = batch.filter(pc.equal(batch["split"], random_split.TRAIN))
            place = batch.column_names.index("query_row")
            yield rows.set_column(place, "query_row", pc.add(rows["query_row"], num_queries))
        num_queries += pq.read_metadata(span.queries).num_rows


def _batches(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            yield pa.Table.from_batches([batch])


def _transformed(
    apply: FeatureTransform, tables: Iterable[pa.Table], features: Features
) -> dict[str, NDArray[Any]]:
    """Transformed features of all rows; one table after the other, so that strings never pile up
    in memory."""
    parts = [apply(spec.raw_from_table(table, features)) for table in tables]
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in features}
