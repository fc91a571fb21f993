"""How deep an index is searched: as little as reaches the recall that the configuration asks for,
measured against brute force when a bundle is built."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsys import config
from recsys.index.build import build
from recsys.index.contract import Index, Rows, Vectors
from recsys.index.faiss_index import BruteForce, InvertedLists

NUM_QUERIES = 256
"""Queries that recall is measured on; its standard error is then about 0.003."""

_LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_MOST_LISTS = 1 / 16
"""Of the lists: who has to visit more of them would hardly be slower without any."""


@dataclass(frozen=True)
class Point:
    """How an index is searched, and what it finds of what brute force does."""

    kind: str
    num_rows: int
    num_lists: int | None
    num_probes: int | None
    """Lists that a search visits; None where there are none."""
    ann_recall: float
    """Mean share of the `k` nearest rows that are found."""
    k: int
    target_recall: float | None
    """What was asked for; None where the configuration names the number of probes."""
    num_queries: int
    measured_on: Literal["queries", "apps"]
    """`queries`: outputs of the trained query tower. `apps`: the apps' own vectors, where there are
    no queries; each finds itself."""


def tuned(
    settings: config.Index, vectors: Vectors, queries: Vectors | None, k: int
) -> tuple[Index, Point]:
    """Indexes `[num_rows, dim]` vectors as the configuration says, and measures what is found.

    Where no number of probes reaches the target, it is the largest that was tried, and the point's
    recall says so. The same vectors and queries make the same index and the same point.

    Args:
        settings: the configuration.
        vectors: what is searched.
        queries: `[num_queries, dim]` vectors as they are searched for; None where there are none.
        k: neighbours that are wanted.
    """
    index, k = build(settings, vectors), min(k, len(vectors))
    sample = _sample(vectors if queries is None else queries)
    exact = Point(
        kind="brute_force",
        num_rows=len(vectors),
        num_lists=None,
        num_probes=None,
        ann_recall=1.0,
        k=k,
        target_recall=None,
        num_queries=len(sample),
        measured_on="apps" if queries is None else "queries",
    )
    if not isinstance(index, InvertedLists):
        return index, exact
    nearest, _ = BruteForce.build(vectors).search(sample, k, on_all_cores=True)
    target = None if settings.num_probes else settings.target_recall
    for num_probes in (settings.num_probes,) if settings.num_probes else _ladder(index.num_lists):
        index.num_probes = min(num_probes, index.num_lists)
        recall = ann_recall(index.search(sample, k)[0], nearest)
        if target is not None and recall >= target:
            break
    point = dataclasses.replace(
        exact,
        kind="ivf",
        num_lists=index.num_lists,
        num_probes=index.num_probes,
        ann_recall=recall,
        target_recall=target,
    )
    return index, point


def ann_recall(found: Rows, nearest: Rows) -> float:
    """The mean share of each query's nearest rows that were found, both `[num_queries, k]`."""
    shares = [
        np.isin(true, some, assume_unique=True).mean()
        for some, true in zip(found, nearest, strict=True)
    ]
    return float(np.mean(shares)) if shares else 1.0


def _ladder(num_lists: int) -> list[int]:
    """Numbers of probes to try, the fewest first; few lists may all be visited."""
    most = max(16, round(num_lists * _MOST_LISTS))
    return sorted({min(probes, num_lists) for probes in _LADDER if probes <= most})


def _sample(vectors: Vectors) -> Vectors:
    """So many of the vectors, the same at each asking."""
    count = min(NUM_QUERIES, len(vectors))
    rows = np.random.default_rng(0).choice(len(vectors), size=count, replace=False)
    return np.ascontiguousarray(vectors[np.sort(rows)])
