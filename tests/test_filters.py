from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import toy_catalogue

from recsys import candidates
from recsys.filters import Filters
from recsys.index.contract import NO_ROW
from recsys.query import Query

NOW = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
CATALOGUE = toy_catalogue.catalogue()


def query(country: str | None = None, device: str | None = None, **rest: Any) -> Query:
    return Query("u", NOW, {"country": country, "device": device}, **rest)


def everything(num_queries: int) -> candidates.Candidates:
    rows = np.tile(np.append(np.arange(6), NO_ROW), (num_queries, 1))
    return candidates.from_source("catalogue", rows)


def kept(*queries: Query) -> tuple[list[set[str]], list[dict[str, int]]]:
    left, removed = Filters(CATALOGUE, queries).apply(everything(len(queries)))
    rows = [row[row != NO_ROW] for row in left.rows]
    return [set(CATALOGUE.app_ids(row)) for row in rows], removed


def test_a_query_that_says_nothing_is_shown_everything() -> None:
    pages, removed = kept(query(), Query("u", NOW))
    assert [len(page) for page in pages] == [6, 6]
    assert removed == [{"installed": 0, "excluded": 0, "country": 0, "device": 0}] * 2


def test_each_filter_removes_its_own() -> None:
    pages, removed = kept(
        query(installed_app_ids=["plain", "gone from the catalogue"]),
        query(exclude=frozenset({"nordic", "everywhere", "nobody"})),
        query(country="SE"),
        query(device="tablet"),
    )
    every = {row[0] for row in toy_catalogue.ROWS}
    assert pages == [
        every - {"plain"},
        every - {"nordic", "everywhere"},
        every - {"american", "norwegian phones"},
        every - {"american", "norwegian phones"},
    ]
    assert [{name: n for name, n in counts.items() if n} for counts in removed] == [
        {"installed": 1},
        {"excluded": 2},
        {"country": 2},
        {"device": 2},
    ]


def test_what_several_filters_would_remove_counts_for_the_first() -> None:
    [page], [removed] = kept(
        query(
            country="SE",
            device="tablet",
            installed_app_ids=["american"],
            exclude=frozenset({"american", "plain"}),
        )
    )
    assert page == {"everywhere", "nordic", "tablets"}
    assert removed == {"installed": 1, "excluded": 1, "country": 1, "device": 0}


def test_queries_of_a_batch_do_not_share_their_lists() -> None:
    asked = [query(installed_app_ids=["plain"]), query(exclude=frozenset({"nordic"})), query()]
    together, counts = kept(*asked)
    for number, one in enumerate(asked):
        assert kept(one) == ([together[number]], [counts[number]])


def test_what_is_eligible_is_what_would_be_kept() -> None:
    asked = [
        query("NO", "phone", installed_app_ids=["everywhere", "gone"]),
        query("Atlantis", "abacus", exclude=frozenset({"plain", "nobody"})),
        query(),
    ]
    filters = Filters(CATALOGUE, asked)
    pages, _ = kept(*asked)
    for number, page in enumerate(pages):
        assert set(CATALOGUE.app_ids(np.flatnonzero(filters.eligible(number)))) == page
    # Asking twice changes nothing: the catalogue's own flags are left alone.
    assert filters.eligible(2).all()


def test_how_many_apps_a_querys_own_lists_can_remove() -> None:
    asked = [query(installed_app_ids=["plain", "nordic"]), query(exclude=frozenset({"plain"}))]
    assert Filters(CATALOGUE, asked).num_blocked.tolist() == [2, 1]
    assert Filters(CATALOGUE, [query()]).num_blocked.tolist() == [0]


def test_the_last_installed_apps_are_told_by_row() -> None:
    installed = ["plain", "nobody", "nordic", "everywhere"]
    queries = query(), query(installed_app_ids=installed), query(installed_app_ids=["plain"])
    plain, nordic, everywhere = CATALOGUE.find(["plain", "nordic", "everywhere"]).tolist()
    filters = Filters(CATALOGUE, queries)
    assert filters.last_installed(3).tolist() == [
        [NO_ROW] * 3,
        [NO_ROW, nordic, everywhere],
        [plain, NO_ROW, NO_ROW],
    ]
    assert filters.last_installed(5)[1].tolist() == [plain, NO_ROW, nordic, everywhere, NO_ROW]
    assert Filters(CATALOGUE, [query()] * 2).last_installed(2).tolist() == [[NO_ROW] * 2] * 2
