"""What is observed of each system on the days kept out, before any of it is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import Bundle
from recsys.config import Evaluation
from recsys.evaluation import impressions, pages
from recsys.evaluation.impressions import Impressions
from recsys.evaluation.pages import HeldOutUser
from recsys.evaluation.ranked_lists import ann_recall_at_k
from recsys.evaluation.results import System
from recsys.evaluation.slices import Asked
from recsys.features.spec import EMBEDDING
from recsys.index.faiss_index import BruteForce
from recsys.recommender import Recommender

Lists = Sequence[Sequence[str]]
"""App ids for each user, the best first."""

_QUERIES_OF_ANN_RECALL = 500


@dataclass(frozen=True)
class HeldOut:
    """What everything is measured on: the days kept out of training."""

    users: Sequence[HeldOutUser]
    """Who installed something in them."""
    asked: Asked
    """What is known of these users' queries."""
    impressions: Impressions | None
    """None where every impression was installed, as imported data has it: nothing to tell apart."""


@dataclass(frozen=True)
class Observed:
    """What one system did on them. The most popular apps are a system without models."""

    pages: Lists
    """Its page for each user."""
    retrieved: Lists | None = None
    """What its retrieval alone found for each user."""
    ann_recall: float | None = None
    """The share of the exact nearest apps that its index finds."""
    scores: NDArray[np.float64] | None = None
    """Its ranker's chances, `[num_impressions]`."""


Systems = Mapping[System, Observed]


def observe(
    bundle: Bundle, recommender: Recommender, held_out: HeldOut, settings: Evaluation
) -> Observed:
    """Asks a bundle, through its own recommender, about the days kept out."""
    shown = held_out.impressions
    return Observed(
        pages=pages.ask(pages.served(recommender), held_out.users),
        retrieved=pages.ask(pages.retrieved(recommender, settings.retrieval_k), held_out.users),
        ann_recall=_ann_recall(bundle, recommender, held_out.users, settings.retrieval_k),
        scores=None if shown is None else impressions.scores(bundle, shown),
    )


def _ann_recall(
    bundle: Bundle, recommender: Recommender, users: Sequence[HeldOutUser], k: int
) -> float:
    """The bundle's index against an exact search of its own vectors, for some of the users."""
    queries = [user.query for user in users[:_QUERIES_OF_ANN_RECALL]]
    exact = BruteForce.build(bundle.app_features()[EMBEDDING])
    rows, _ = exact.search(recommender.vectors(queries), k)
    return ann_recall_at_k(recommender.nearest(queries, k), rows)
