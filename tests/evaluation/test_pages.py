from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from recsys.evaluation.pages import (
    HeldOutUser,
    ask,
    most_popular,
    page_metrics,
    retrieval_metrics,
    retrieved,
    served,
)
from recsys.query import Query
from recsys.recommender import Recommender

NOW = dt.datetime(2024, 3, 3, 18, tzinfo=dt.UTC)


def user(name: str, *relevant: str) -> HeldOutUser:
    return HeldOutUser(Query(name, NOW), frozenset(relevant))


def test_metrics_are_means_over_users() -> None:
    pages = [["a", "b"], ["x", "c"], []]
    users = [user("first", "a", "b"), user("second", "c"), user("third", "a")]
    metrics = {name: ratio.value for name, ratio in page_metrics(pages, users, k=2).items()}
    assert metrics == pytest.approx(
        {
            "page_recall": (1 + 1 + 0) / 3,
            "page_ndcg": (1 + 1 / np.log2(3) + 0) / 3,
            "page_mrr": (1 + 1 / 2 + 0) / 3,
            "page_hit_rate": (1 + 1 + 0) / 3,
        }
    )
    assert retrieval_metrics(pages, users, k=1)["retrieval_recall"].value == pytest.approx(0.5 / 3)
    assert retrieval_metrics(None, users, k=1) == {}


def test_many_users_are_asked_in_batches_and_none_is_lost() -> None:
    asked: list[list[str]] = []

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        asked.append([query.user_id for query in queries])
        return [[query.user_id] for query in queries]

    users = [user(f"u{number}", f"u{number}") for number in range(200)]
    assert page_metrics(ask(policy, users), users, k=1)["page_recall"].value == 1.0
    assert list(itertools.chain(*asked)) == [f"u{number}" for number in range(200)]
    assert len(asked) > 1


def test_the_served_policy_is_the_request_path(tiny_recommender: Recommender) -> None:
    queries = [Query("u", NOW, {"country": "US"}, k=7), Query("v", NOW, {"country": "NO"}, k=3)]
    pages = tiny_recommender.recommend(queries)
    expected = [[item.app_id for item in page.items] for page in pages]
    assert served(tiny_recommender)(queries) == expected


def test_retrieval_alone_is_the_nearest_apps_that_pass_the_filters(
    tiny_recommender: Recommender,
) -> None:
    catalogue = tiny_recommender.catalogue
    bare = Query("u", NOW)
    [nearest] = [catalogue.app_ids(rows) for rows in tiny_recommender.nearest([bare], 300)]
    blocked = Query("u", NOW, exclude=frozenset(nearest[:3]))
    abroad = Query("u", NOW, {"country": "Atlantis"})
    policy = retrieved(tiny_recommender, 20)
    plain, without, atlantis = policy([bare, blocked, abroad])
    assert plain == nearest[:20]
    assert without == nearest[3:23]
    assert atlantis and all(not catalogue.app(app_id)["countries"] for app_id in atlantis)
    assert policy([bare])[0] == plain


def test_the_most_popular_apps_pass_the_same_filters(tiny_recommender: Recommender) -> None:
    catalogue = tiny_recommender.catalogue
    ranked = catalogue.app_ids(tiny_recommender.popularity.everywhere)
    policy = most_popular(tiny_recommender)
    plain, without, atlantis, tablet = policy(
        [
            Query("u", NOW, k=5),
            Query("u", NOW, installed_app_ids=ranked[:2], exclude=frozenset(ranked[3:4]), k=5),
            Query("u", NOW, {"country": "Atlantis"}, k=400),
            Query("u", NOW, {"device": "tablet"}, k=400),
        ]
    )
    assert plain == ranked[:5]
    assert without == [ranked[2], *ranked[4:8]]
    sold = [app for app in ranked if not catalogue.app(app)["countries"]]
    assert atlantis == sold
    runs = [a for a in ranked if "tablet" in (catalogue.app(a)["devices"] or ["tablet"])]
    assert tablet == runs
    assert len(runs) < len(ranked)
