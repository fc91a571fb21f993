"""Our metrics of ranked lists beside those of trec_eval, the reference of information retrieval."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import pytrec_eval

from recsys.evaluation import ranked_lists
from recsys.evaluation.pages import HeldOutUser, hits_of, num_relevant_of
from recsys.query import Query

DEPTH = 20


def made_up(seed: int) -> tuple[list[list[str]], list[HeldOutUser]]:
    """Lists of up to twenty of sixty apps, and users who installed one to thirty of them."""
    random = np.random.default_rng(seed)
    apps = [f"a{number}" for number in range(60)]
    now = dt.datetime(2024, 3, 3, tzinfo=dt.UTC)
    lists, users = [], []
    for number in range(200):
        lists.append(random.permutation(apps)[: random.integers(1, DEPTH + 1)].tolist())
        relevant = random.permutation(apps)[: random.integers(1, 31)].tolist()
        users.append(HeldOutUser(Query(f"u{number:03}", now), frozenset(relevant)))
    return lists, users


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_recall_ndcg_hit_rate_and_reciprocal_rank_are_those_of_trec_eval(k: int) -> None:
    lists, users = made_up(k)
    relevance = {user.query.user_id: dict.fromkeys(user.relevant, 1) for user in users}
    # trec_eval knows scores rather than places, and cuts a reciprocal rank nowhere.
    runs = {
        user.query.user_id: {app_id: float(-place) for place, app_id in enumerate(ids[:k])}
        for user, ids in zip(users, lists, strict=True)
    }
    measures = {f"recall.{k}", f"ndcg_cut.{k}", f"success.{k}", "recip_rank"}
    found = pytrec_eval.RelevanceEvaluator(relevance, measures).evaluate(runs)
    theirs = {
        name: [found[user.query.user_id][name] for user in users]
        for name in (f"recall_{k}", f"ndcg_cut_{k}", f"success_{k}", "recip_rank")
    }
    hits, num_relevant = hits_of(lists, users, DEPTH), num_relevant_of(users)
    ours = {
        f"recall_{k}": ranked_lists.recall_at_k(hits, num_relevant, k),
        f"ndcg_cut_{k}": ranked_lists.ndcg_at_k(hits, num_relevant, k),
        f"success_{k}": ranked_lists.hit_rate_at_k(hits, k),
        "recip_rank": ranked_lists.reciprocal_rank_at_k(hits, k),
    }
    for name, values in ours.items():
        assert values == pytest.approx(theirs[name]), name
