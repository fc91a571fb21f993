from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from recsys.evaluation.pages import HeldOutUser, measure, most_popular, served
from recsys.query import Query
from recsys.recommender import Recommender

NOW = dt.datetime(2024, 3, 3, 18, tzinfo=dt.UTC)


def user(name: str, *relevant: str) -> HeldOutUser:
    return HeldOutUser(Query(name, NOW), frozenset(relevant))


def test_metrics_are_means_over_users() -> None:
    shown = {"first": ["a", "b"], "second": ["x", "c"], "third": []}

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        return [shown[query.user_id] for query in queries]

    users = [user("first", "a", "b"), user("second", "c"), user("third", "a")]
    metrics = measure(policy, users, k=2, seed=1)
    assert metrics.recall == pytest.approx((1 + 1 + 0) / 3)
    assert metrics.ndcg == pytest.approx((1 + 1 / np.log2(3) + 0) / 3)
    assert metrics.recall_interval[0] <= metrics.recall <= metrics.recall_interval[1]


def test_many_users_are_asked_in_batches_and_none_is_lost() -> None:
    asked: list[list[str]] = []

    def policy(queries: Sequence[Query]) -> list[list[str]]:
        asked.append([query.user_id for query in queries])
        return [[query.user_id] for query in queries]

    users = [user(f"u{number}", f"u{number}") for number in range(200)]
    assert measure(policy, users, k=1, seed=1).recall == 1.0
    assert list(itertools.chain(*asked)) == [f"u{number}" for number in range(200)]
    assert len(asked) > 1


def test_the_served_policy_is_the_request_path(tiny_recommender: Recommender) -> None:
    queries = [Query("u", NOW, {"country": "US"}, k=7), Query("v", NOW, {"country": "NO"}, k=3)]
    pages = tiny_recommender.recommend(queries)
    expected = [[item.app_id for item in page.items] for page in pages]
    assert served(tiny_recommender)(queries) == expected


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
