"""What only a look inside a bundle tells of a measurement over HTTP: how much of what is nearest to
the users who were served its index finds, and how many apps are ranked for a page."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from loadtests import bench_request
from loadtests.subject import Subject
from recsys.bundle import Bundle
from recsys.features import spec
from recsys.index.faiss_index import BruteForce
from recsys.query import Query

RECALL_AT = 200
_NUM_QUERIES = 256


def measured(subject: Subject) -> dict[str, Any]:
    """Looks into a bundle, in a process of its own: its memory is none of a measurement's."""
    queries = subject.queries(_NUM_QUERIES)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measured, subject.bundle, queries).result()


def _measured(folder: Path, queries: Sequence[Query]) -> dict[str, Any]:
    bundle = Bundle.load(folder)
    recommender, meter = bench_request.metered(bundle, Bundle.executor)
    recommender.recommend(queries)
    found = recommender.nearest(queries, RECALL_AT)
    exact = BruteForce.build(np.asarray(bundle.app_features()[spec.EMBEDDING]))
    nearest, _ = exact.search(recommender.vectors(queries), RECALL_AT)
    hits = [np.isin(these, those).sum() for these, those in zip(nearest, found, strict=True)]
    return {
        "num_apps": len(recommender.catalogue),
        "trained": bool(bundle.manifest["lineage"]),
        "index": bundle.manifest["index"],
        "num_installed": round(np.mean([len(q.installed_app_ids) for q in queries])),
        "candidates_per_request": meter.num_scored / len(queries),
        f"ann_recall_at_{RECALL_AT}": float(np.sum(hits) / nearest.size),
    }
