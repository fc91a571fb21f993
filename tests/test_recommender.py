from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from recsys.index.contract import NO_ROW
from recsys.query import Query
from recsys.recommender import Item, Page, Recommender

NOW = dt.datetime(2024, 3, 3, 18, tzinfo=dt.UTC)
CONTEXT = {"country": "US", "language": "en", "device": "phone", "surface": "home"}


@pytest.fixture(scope="module")
def apps(tiny_recommender: Recommender) -> list[dict[str, Any]]:
    catalogue = tiny_recommender.catalogue
    ids = catalogue.app_ids(np.arange(len(catalogue)))
    return catalogue.columns(ids, ["app_id", "countries", "devices", "release_day"])


def ask(recommender: Recommender, **changes: Any) -> Page:
    [page] = recommender.recommend([query(**changes)])
    return page


def query(user_id: str = "nobody", **changes: Any) -> Query:
    return Query(**{"user_id": user_id, "time": NOW, "features": CONTEXT, **changes})


def ids(page: Page) -> list[str]:
    return [item.app_id for item in page.items]


def eligible(apps: list[dict[str, Any]], asked: Query) -> set[str]:
    """By plain reading of the catalogue: what the query may be shown."""
    country, device = asked.features.get("country"), asked.features.get("device")
    return {
        app["app_id"]
        for app in apps
        if app["app_id"] not in asked.installed_app_ids
        and app["app_id"] not in asked.exclude
        and (not country or not app["countries"] or country in app["countries"])
        and (not device or not app["devices"] or device in app["devices"])
    }


def odd_queries(apps: list[dict[str, Any]]) -> Iterator[tuple[str, Query]]:
    every = [app["app_id"] for app in apps]
    few = min(sold := countries_of(apps), key=lambda c: sold[c])
    yield "plain", query()
    yield "k of one", query(k=1)
    yield "empty history", query(installed_app_ids=())
    yield "long history", query(installed_app_ids=every[:120])
    yield "history of strangers", query(installed_app_ids=["gone", "gone", ""])
    yield "no features at all", query(features={})
    yield "missing features", query(features=dict.fromkeys(CONTEXT))
    yield "features that nobody declared", query(features={**CONTEXT, "planet": "Mars"})
    yield "unknown country", query(features={**CONTEXT, "country": "Atlantis"})
    yield "unknown device", query(features={**CONTEXT, "device": "abacus"})
    yield "few apps are sold there", query(features={**CONTEXT, "country": few}, k=100)
    yield "unknown exclusions", query(exclude=frozenset({"gone", ""}))
    yield "two hundred exclusions", query(exclude=frozenset(every[:200]), k=30)
    strangers = {f"stranger-{number}" for number in range(800)}
    yield "a thousand exclusions", query(exclude=frozenset({*every[50:250], *strangers}), k=30)
    yield "all but three excluded", query(exclude=frozenset(every[3:]), k=20)
    yield "everything excluded", query(exclude=frozenset(every))
    yield "seed", query(seed_app=every[7])
    yield "seed that is installed", query(seed_app=every[7], installed_app_ids=[every[7]])
    yield "unknown seed", query(seed_app="gone")
    yield "as long as the catalogue", query(k=len(every))
    yield "longer than the catalogue", query(k=10 * len(every))
    yield "before 1970", query(time=dt.datetime(1955, 11, 5, tzinfo=dt.UTC))


def countries_of(apps: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for app in apps:
        for country in app["countries"] or ():
            counts[country] = counts.get(country, 0) + 1
    return counts


def test_a_page_has_k_eligible_apps_whenever_they_exist(
    tiny_recommender: Recommender, apps: list[dict[str, Any]]
) -> None:
    for name, asked in odd_queries(apps):
        [page] = tiny_recommender.recommend([asked])
        may = eligible(apps, asked)
        shown = ids(page)
        assert len(shown) == min(asked.k, len(may)), name
        assert len(set(shown)) == len(shown), name
        assert set(shown) <= may, name
        assert [item.position for item in page.items] == list(range(1, len(shown) + 1)), name
        scores = [item.score for item in page.items]
        assert scores == sorted(scores, reverse=True), name
        assert all(0 <= score <= 1 for score in scores), name
        assert all(item.sources for item in page.items), name


def test_the_toys_queries_are_as_odd_as_they_say(apps: list[dict[str, Any]]) -> None:
    """The synthetic store limits apps by country and device; else the test above proves little."""
    sizes = {name: len(eligible(apps, asked)) for name, asked in odd_queries(apps)}
    assert sizes["everything excluded"] == 0
    assert sizes["all but three excluded"] <= 3
    assert sizes["plain"] < sizes["no features at all"] == len(apps)
    assert sizes["few apps are sold there"] < len(apps)


def test_a_batch_gives_the_pages_of_single_queries(
    tiny_recommender: Recommender, apps: list[dict[str, Any]]
) -> None:
    every = [app["app_id"] for app in apps]
    alike = [query(installed_app_ids=every[n : n + 9], k=10) for n in range(20)]
    asked = [*alike, *(one for _, one in odd_queries(apps))]
    for one, page in zip(asked, tiny_recommender.recommend(asked), strict=True):
        [alone] = tiny_recommender.recommend([one])
        assert ids(page) == ids(alone)
        assert [item.sources for item in page.items] == [item.sources for item in alone.items]
        assert page.num_removed == alone.num_removed
        scores = [item.score for item in alone.items]
        assert [item.score for item in page.items] == pytest.approx(scores, abs=1e-6)


def test_no_queries_no_pages(tiny_recommender: Recommender) -> None:
    assert tiny_recommender.recommend([]) == []


def test_removals_are_counted_by_filter(
    tiny_recommender: Recommender, apps: list[dict[str, Any]]
) -> None:
    plain = ids(ask(tiny_recommender, k=20))
    page = ask(tiny_recommender, k=20, installed_app_ids=plain[:3], exclude=frozenset(plain[3:5]))
    assert page.num_removed["installed"] == 3
    assert page.num_removed["excluded"] == 2
    assert not set(plain[:5]) & set(ids(page))


def test_sources_say_who_proposed_an_app(
    tiny_recommender: Recommender, apps: list[dict[str, Any]]
) -> None:
    days = {app["app_id"]: app["release_day"] for app in apps}
    newest = sorted(days, key=lambda app: days[app], reverse=True)[:5]
    popular = tiny_recommender.popularity.top("US", 20).tolist()
    seed = apps[7]["app_id"]
    near = [item.app_id for item in tiny_recommender.similar(seed, 10)]
    page = ask(tiny_recommender, k=len(apps), seed_app=seed)
    sources = {item.app_id: item.sources for item in page.items}
    for app in set(newest) & sources.keys():
        assert "new" in sources[app]
    for app in {*tiny_recommender.catalogue.app_ids(np.array(popular))} & sources.keys():
        assert "popular" in sources[app]
    for app in {seed, *near} & sources.keys():
        assert "similar" in sources[app]
    without = ask(tiny_recommender, k=len(apps))
    assert all("similar" not in item.sources for item in without.items)


def test_all_that_may_be_shown_is_found_where_filters_leave_few(
    tiny_recommender: Recommender, apps: list[dict[str, Any]]
) -> None:
    asked = query(features={"country": "Atlantis", "device": "abacus"})
    few = eligible(apps, asked)
    asked = dataclasses.replace(asked, k=len(few))
    [page] = tiny_recommender.recommend([asked])
    assert set(ids(page)) == few
    assert all("retrieval" in item.sources for item in page.items), "by search, not to fill a page"


def test_the_catalogue_fills_a_page_that_the_index_does_not(
    tiny_recommender: Recommender, apps: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index of lists visits some of them only."""

    def found_little(queries: Any, k: int, among: Any = None) -> tuple[Any, Any]:
        shape = len(queries), k
        return np.full(shape, NO_ROW), np.full(shape, -np.inf, np.float32)

    monkeypatch.setattr(tiny_recommender._index, "search", found_little)
    asked = query(exclude=frozenset(app["app_id"] for app in apps[::2]), k=300)
    [page] = tiny_recommender.recommend([asked])
    may = eligible(apps, asked)
    assert len(page.items) == min(300, len(may))
    assert set(ids(page)) <= may
    assert ("catalogue",) in {item.sources for item in page.items}


def test_neighbours_exclude_the_app_itself(
    tiny_recommender: Recommender, apps: list[dict[str, Any]]
) -> None:
    app = apps[3]["app_id"]
    near = tiny_recommender.similar(app, 10)
    assert len(near) == 10
    assert app not in {item.app_id for item in near}
    cosines = [item.score for item in near]
    assert cosines == sorted(cosines, reverse=True)
    assert cosines[0] <= 1 + 1e-6
    assert near[0] == Item(1, near[0].app_id, near[0].score, ("similar",))
    everyone = tiny_recommender.similar(app, 10 * len(apps))
    assert len(everyone) == len(apps) - 1


def test_an_unknown_app_has_no_neighbours(tiny_recommender: Recommender) -> None:
    with pytest.raises(KeyError):
        tiny_recommender.similar("gone", 10)
