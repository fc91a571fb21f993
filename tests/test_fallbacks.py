from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from recsys.bundle import Bundle
from recsys.fallbacks import SteadyRecommender
from recsys.query import Query
from recsys.recommender import Page

NOW = dt.datetime(2024, 3, 3, 18, tzinfo=dt.UTC)
CONTEXT = {"country": "US", "language": "en", "device": "phone", "surface": "home"}
WAYS = ("retrieval_order", "popular")


@pytest.fixture(scope="module")
def steady(tiny_bundle: Bundle) -> SteadyRecommender:
    return SteadyRecommender(tiny_bundle)


@pytest.fixture(scope="module")
def every(steady: SteadyRecommender) -> list[str]:
    return steady.catalogue.app_ids(np.arange(len(steady.catalogue)))


def query(**changes: Any) -> Query:
    return Query(**{"user_id": "nobody", "time": NOW, "features": CONTEXT, **changes})


def ids(page: Page) -> list[str]:
    return [item.app_id for item in page.items]


def odd_queries(every: list[str]) -> list[Query]:
    return [
        query(),
        query(k=1),
        query(k=10 * len(every)),
        query(features={}),
        query(features=dict.fromkeys(CONTEXT)),
        query(features={"country": "Atlantis", "device": "abacus"}, k=50),
        query(installed_app_ids=every[:120], exclude=frozenset(every[100:250]), k=40),
        query(exclude=frozenset(every[3:])),
        query(exclude=frozenset(every)),
        query(installed_app_ids=["gone", ""], seed_app="gone"),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_page_below_the_ranker_is_as_full_and_as_filtered(
    steady: SteadyRecommender, every: list[str], way: str
) -> None:
    for asked in odd_queries(every):
        [ranked] = steady.recommend([asked])
        [page] = getattr(steady, way)([asked])
        assert len(page.items) == len(ranked.items)
        assert len(set(ids(page))) == len(page.items)
        [all_that_may_be] = steady.recommend([query_for_all(asked, every)])
        assert set(ids(page)) <= set(ids(all_that_may_be))
        assert [item.position for item in page.items] == list(range(1, len(page.items) + 1))
        assert all(np.isnan(item.score) for item in page.items)


def query_for_all(asked: Query, every: list[str]) -> Query:
    return Query(**{**vars(asked), "k": len(every)})


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_gives_the_pages_of_single_queries(
    steady: SteadyRecommender, every: list[str], way: str
) -> None:
    asked = odd_queries(every)
    for one, page in zip(asked, getattr(steady, way)(asked), strict=True):
        [alone] = getattr(steady, way)([one])
        assert ids(page) == ids(alone)
        assert page.num_removed == alone.num_removed


def test_retrievals_order_is_the_indexs(steady: SteadyRecommender, every: list[str]) -> None:
    asked = query(features={}, k=30)
    [nearest] = steady.nearest([asked], 30)
    [page] = steady.retrieval_order([asked])
    assert ids(page) == steady.catalogue.app_ids(nearest)
    assert {item.sources for item in page.items} == {("retrieval",)}


def test_what_is_popular_is_by_country(steady: SteadyRecommender) -> None:
    asked = query(features={"country": "US"}, k=10)
    [page] = steady.popular([asked])
    top = steady.popularity.top("US", len(steady.catalogue))
    may = steady.catalogue.countries.may_see_all("US")
    shown = [row for row in top.tolist() if row >= 0 and may[row]][:10]
    assert ids(page)[: len(shown)] == steady.catalogue.app_ids(np.array(shown))


def test_popular_needs_no_model_and_no_index(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = SteadyRecommender(tiny_bundle)
    monkeypatch.setattr(broken, "_index", None)
    monkeypatch.setattr(broken, "_encode", None)
    monkeypatch.setattr(broken, "_rank", None)
    [page] = broken.popular([query(k=20)])
    assert len(page.items) == 20
    with pytest.raises((TypeError, AttributeError)):
        broken.retrieval_order([query()])


def test_retrievals_order_needs_no_ranker(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = SteadyRecommender(tiny_bundle)
    monkeypatch.setattr(broken, "_rank", None)
    [page] = broken.retrieval_order([query(k=20)])
    assert len(page.items) == 20
