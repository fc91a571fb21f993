"""How well pages foretell what users install next: the served path, and the baseline it must beat.

Every policy sees the same users at the same moment, and the same filters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys import candidates
from recsys.evaluation.metrics import bootstrap_interval, ndcg_at_k, recall_at_k
from recsys.filters import Filters
from recsys.index.contract import NO_ROW
from recsys.query import Query
from recsys.recommender import Recommender

Policy = Callable[[Sequence[Query]], list[list[str]]]
"""Queries to ranked app ids."""

_QUERIES_AT_ONCE = 64
_DEEPEST_POPULAR = 2_000


@dataclass(frozen=True)
class HeldOutUser:
    """A user at the first request of the days kept out, and what they installed in those days."""

    query: Query
    relevant: frozenset[str]


@dataclass(frozen=True)
class PageMetrics:
    """Means over users, with 95 % intervals by bootstrap over users."""

    recall: float
    recall_interval: tuple[float, float]
    ndcg: float
    ndcg_interval: tuple[float, float]


def measure(policy: Policy, users: Sequence[HeldOutUser], k: int, seed: int) -> PageMetrics:
    """Recall and nDCG of a policy's first k apps."""
    recalls, ndcgs = [], []
    for some in _batches(users):
        for user, page in zip(some, policy([user.query for user in some]), strict=True):
            recalls.append(recall_at_k(page, user.relevant, k))
            ndcgs.append(ndcg_at_k(page, user.relevant, k))
    recall, ndcg = np.array(recalls), np.array(ndcgs)
    return PageMetrics(
        float(recall.mean()),
        bootstrap_interval(recall, seed),
        float(ndcg.mean()),
        bootstrap_interval(ndcg, seed),
    )


def served(recommender: Recommender) -> Policy:
    """The two-stage path, as the server calls it."""

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        return [[item.app_id for item in page.items] for page in recommender.recommend(queries)]

    return policy


def most_popular(recommender: Recommender) -> Policy:
    """The apps installed most in the bundle's training window, through the same filters."""
    ranked: NDArray[np.int64] = recommender.popularity.everywhere[:_DEEPEST_POPULAR]

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        proposed = candidates.from_source("popular", np.tile(ranked, (len(queries), 1)))
        kept, _ = Filters(recommender.catalogue, queries).apply(proposed)
        return [
            recommender.catalogue.app_ids(rows[rows != NO_ROW][: query.k])
            for query, rows in zip(queries, kept.rows, strict=True)
        ]

    return policy


def _batches(users: Sequence[HeldOutUser]) -> Iterator[Sequence[HeldOutUser]]:
    for start in range(0, len(users), _QUERIES_AT_ONCE):
        yield users[start : start + _QUERIES_AT_ONCE]
