"""How well lists of apps foretell what users install next: of the served path, of retrieval alone,
and of the baseline that both must beat.

Every policy sees the same users at the same moment, and the same filters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys import candidates
from recsys.catalogue import Rows
from recsys.evaluation import ranked_lists
from recsys.evaluation.intervals import Ratio
from recsys.filters import Filters
from recsys.index.contract import NO_ROW
from recsys.query import Query
from recsys.recommender import Recommender

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

Policy = Callable[[Sequence[Query]], list[list[str]]]
"""Queries to ranked app ids."""

_QUERIES_AT_ONCE = 64
_DEEPEST_POPULAR = 2_000


@dataclass(frozen=True)
class HeldOutUser:
    """A user at the first request of the days kept out, and what they installed in those days."""

    query: Query
    relevant: frozenset[str]


def ask(policy: Policy, users: Sequence[HeldOutUser]) -> list[list[str]]:
    """What a policy answers each user."""
    lists: list[list[str]] = []
    for start in range(0, len(users), _QUERIES_AT_ONCE):
        lists += policy([user.query for user in users[start : start + _QUERIES_AT_ONCE]])
    return lists


def served(recommender: Recommender) -> Policy:
    """The two-stage path, as the server calls it."""

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        return [[item.app_id for item in page.items] for page in recommender.recommend(queries)]

    return policy


def retrieved(recommender: Recommender, k: int) -> Policy:
    """The k nearest apps by towers and index alone, of those that pass the filters."""

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        filters = Filters(recommender.catalogue, queries)
        depth = min(k + int(filters.num_blocked.max()), len(recommender.catalogue))
        return _first(recommender, filters, recommender.nearest(queries, depth), [k] * len(queries))

    return policy


def most_popular(recommender: Recommender) -> Policy:
    """The apps installed most in the bundle's training window, through the same filters."""
    ranked = recommender.popularity.everywhere[:_DEEPEST_POPULAR]

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        filters = Filters(recommender.catalogue, queries)
        rows = np.tile(ranked, (len(queries), 1))
        return _first(recommender, filters, rows, [query.k for query in queries])

    return policy


def hits_of(lists: Sequence[Sequence[str]], users: Sequence[HeldOutUser], depth: int) -> Booleans:
    """Whether each place of each user's list holds a relevant app, `[num_users, depth]`."""
    hits = np.zeros((len(users), depth), dtype=np.bool_)
    for number, (ids, user) in enumerate(zip(lists, users, strict=True)):
        first = ids[:depth]
        hits[number, : len(first)] = [app_id in user.relevant for app_id in first]
    return hits


def page_metrics(
    pages: Sequence[Sequence[str]], users: Sequence[HeldOutUser], k: int
) -> dict[str, Ratio]:
    """Metrics of pages' first k apps, by name."""
    hits, num_relevant = hits_of(pages, users, k), num_relevant_of(users)
    return {
        "page_recall": Ratio.mean(ranked_lists.recall_at_k(hits, num_relevant, k)),
        "page_ndcg": Ratio.mean(ranked_lists.ndcg_at_k(hits, num_relevant, k)),
        "page_mrr": Ratio.mean(ranked_lists.reciprocal_rank_at_k(hits, k)),
        "page_hit_rate": Ratio.mean(ranked_lists.hit_rate_at_k(hits, k)),
    }


def retrieval_metrics(
    lists: Sequence[Sequence[str]] | None, users: Sequence[HeldOutUser], k: int
) -> dict[str, Ratio]:
    """Metrics of the first k candidates that retrieval alone finds, by name; none of a system that
    does not retrieve."""
    if lists is None:
        return {}
    recalls = ranked_lists.recall_at_k(hits_of(lists, users, k), num_relevant_of(users), k)
    return {"retrieval_recall": Ratio.mean(recalls)}


def num_relevant_of(users: Sequence[HeldOutUser]) -> Integers:
    """How many apps each user installed, `[num_users]`."""
    return np.array([len(user.relevant) for user in users], dtype=np.int64)


def _first(
    recommender: Recommender, filters: Filters, rows: Rows, counts: Sequence[int]
) -> list[list[str]]:
    """The first apps of each row that pass the filters."""
    kept, _ = filters.apply(candidates.from_source("retrieval", rows))
    return [
        recommender.catalogue.app_ids(some[some != NO_ROW][:count])
        for some, count in zip(kept.rows, counts, strict=True)
    ]
