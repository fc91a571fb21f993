"""Evaluator: a bundle on the days kept out of its training, and the verdict on it.

What is measured is what is served: the request path over the bundle's own files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import random_split
from pipeline.artifacts import Examples, ModelBundle
from pipeline.held_out import held_out_users
from recsys.bundle import Bundle
from recsys.config import Config
from recsys.errors import BadInput
from recsys.evaluation import pages
from recsys.evaluation.metrics import auc
from recsys.evaluation.verdict import Measured, Verdict, judge
from recsys.features import spec
from recsys.recommender import Recommender

EVALUATION = "evaluation.json"

_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Evaluation:
    """What `evaluation.json` holds."""

    num_users: int
    k: int
    measured: Measured
    verdict: Verdict

    def save(self, folder: Path) -> None:
        """Writes the file."""
        (folder / EVALUATION).write_text(json.dumps(asdict(self), indent=1) + "\n")


def evaluator(
    candidate: ModelBundle,
    baseline: Path | None,
    examples: Sequence[Examples],
    config: Config,
    out: Path,
) -> None:
    """Writes `evaluation.json`: metrics of the candidate model, of the most popular apps and of
    the bundle that serves now, and the verdict.

    Args:
        candidate: the bundle to judge.
        baseline: the folder of the bundle that serves now, if any.
        examples: the days kept out of training.
        config: how to measure, and what to require.
        out: the folder to write into.

    Raises:
        BadInput: nobody installed anything in the days kept out.
    """
    evaluate(candidate.path, baseline, examples, config).save(out)


def evaluate(
    candidate: Path, baseline: Path | None, examples: Sequence[Examples], config: Config
) -> Evaluation:
    """See `evaluator`."""
    users = held_out_users(examples, config)
    if not users:
        raise BadInput(
            "expected installs in the days kept out of training, found none: set "
            "examples.test_days higher, or import more days."
        )
    bundle = Bundle.load(candidate)
    recommender = Recommender(bundle)
    k, seed = config.evaluation.k, config.seed
    served = pages.served(recommender)
    popular = pages.most_popular(recommender)
    before = baseline and pages.served(Recommender(Bundle.load(baseline)))
    measured = Measured(
        served=pages.measure(served, users, k, seed),
        most_popular=pages.measure(popular, users, k, seed),
        baseline=pages.measure(before, users, k, seed) if before else None,
        ranking_auc=_ranking_auc(bundle, examples, config),
    )
    return Evaluation(len(users), k, measured, judge(measured, config.evaluation))


def _ranking_auc(bundle: Bundle, examples: Sequence[Examples], config: Config) -> float | None:
    """The AUC of the bundle's ranker over the impressions of some days, from raw features.

    None where every example is an install: without impressions there is no negative to tell.
    """
    model = bundle.model()
    of_query, of_candidate = spec.of_query(config.features), spec.of_candidate(config.features)
    labels, scores = [], []
    for rows, queries in _impressions(examples):
        query = model.encode_query(spec.raw_from_table(queries, of_query))
        app = model.encode_candidate(spec.raw_from_table(rows, of_candidate))
        candidate = {name: values[:, None] for name, values in app.items()}
        scores.append(model.score(query, candidate).numpy()[:, 0])
        labels.append(rows["installed"].to_numpy())
    every: NDArray[np.bool_] = np.concatenate(labels)
    return None if every.all() else auc(every, np.concatenate(scores))


def _impressions(examples: Sequence[Examples]) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Examples in batches, with the query of each row."""
    for span in examples:
        queries = pq.read_table(span.queries)
        with pq.ParquetFile(span.examples) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                rows = pa.Table.from_batches([batch])
                if "split" in rows.column_names:
                    rows = rows.filter(pc.equal(rows["split"], random_split.TEST))
                if rows.num_rows:
                    yield rows, queries.take(rows["query_row"])
