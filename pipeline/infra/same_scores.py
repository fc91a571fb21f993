"""Pages that a server gave, beside what the same bundle says in this process.

What was asked is put together anew, by the HTTP contract and from what the server was told of its
users, and it is the saved model that scores here: a server that assembles other features than it
should is found, and an executor that is not what was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.infra.probes import Plan
from pipeline.infra.questioning import Answer
from recsys.features import spec
from recsys.query import Query
from recsys.recommender import Recommender


@dataclass(frozen=True)
class Beside:
    """A page of the server's, beside the same offline."""

    answer: Answer
    difference: float
    """The largest of any score's on the page."""
    num_missing: int
    """Apps that the page lacks, though it should have had them."""


def compare(
    recommender: Recommender, answers: Sequence[Answer], plan: Plan, default_k: int
) -> Iterator[Beside]:
    """Scores each page again. One during which the hour changed is left out: which hour the server
    saw, which may be a feature, nobody knows."""
    for answer in answers:
        if answer.asked.hour == answer.answered.hour:
            query = plan.query(answer.probe, answer.asked, default_k)
            difference = _difference(recommender, query, answer.scores)
            yield Beside(answer, difference, _num_missing(recommender, query, len(answer.scores)))


def _difference(recommender: Recommender, query: Query, served: dict[str, float]) -> float:
    known = {**query.features, "time": query.time, spec.HISTORY: query.installed_app_ids}
    raw = spec.raw_from_values([known], recommender.query_features)
    offline = recommender.score(raw, [list(served)])[0]
    return float(np.abs(np.array(list(served.values())) - offline).max(initial=0.0))


def _num_missing(recommender: Recommender, query: Query, num_shown: int) -> int:
    if num_shown == query.k:
        return 0
    [page] = recommender.recommend([query])
    return len(page.items) - num_shown
