"""The degradation ladder: a ranked page, else retrieval's order, else what is popular in the
country. A page is worth more to a person than an error.

A batch that fails is asked for again one query at a time, so that a query which nobody can answer
takes none of its neighbours down.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from recsys.errors import BadInput
from recsys.recommender import Page, Query
from serving.versions import ServedRecommender

logger = logging.getLogger(__name__)

Rung = Literal["ranked", "retrieval_order", "popular"]
Degraded = Literal["retrieval_order", "popular"]

SHOWN = ("title", "category")
"""What a page says of an app."""

WHOLE: tuple[Rung, ...] = ("ranked", "retrieval_order", "popular")
UNRANKED: tuple[Rung, ...] = WHOLE[1:]


@dataclass(frozen=True)
class Answer:
    """A page, and which bundle made the whole of it."""

    recommender: ServedRecommender
    page: Page
    degraded: Degraded | None
    """How far down the ladder it was made; None at the top."""
    shown: Sequence[Mapping[str, Any]]
    """What the catalogue says of the page's apps, one after the other."""


def answers(
    recommender: ServedRecommender, queries: Sequence[Query], rungs: Sequence[Rung] = WHOLE
) -> list[Answer | Exception]:
    """Each query's page from the highest rung that gives one, or why none did."""
    rung, *lower = rungs
    try:
        pages = _pages(recommender, queries, rung)
        shown = _shown(recommender, pages)
    except BadInput as error:
        if len(queries) == 1:
            return [error]
    except Exception as error:  # whatever a model does, the rung below may still hold
        if len(queries) == 1:
            logger.warning("no page by %s: %r", rung, error, exc_info=True)
            return answers(recommender, queries, lower) if lower else [error]
    else:
        degraded = None if rung == "ranked" else rung
        return [
            Answer(recommender, page, degraded, apps)
            for page, apps in zip(pages, shown, strict=True)
        ]
    return [answer for query in queries for answer in answers(recommender, [query], rungs)]


def _pages(recommender: ServedRecommender, queries: Sequence[Query], rung: Rung) -> list[Page]:
    ways = {
        "ranked": recommender.recommend,
        "retrieval_order": recommender.retrieval_order,
        "popular": recommender.popular,
    }
    pages = ways[rung](queries)
    if len(pages) != len(queries):
        raise ValueError(f"{len(queries)} queries have {len(pages)} pages")
    return pages


def _shown(recommender: ServedRecommender, pages: Sequence[Page]) -> list[list[dict[str, Any]]]:
    """What each page says of its apps: asked of the catalogue for all at once, since many take
    each a third of what a few do."""
    rows = np.concatenate([page.rows for page in pages])
    every = iter(recommender.catalogue.columns_of(rows, SHOWN))
    return [list(itertools.islice(every, len(page.items))) for page in pages]
