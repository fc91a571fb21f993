"""The nearest apps that a query may be shown, against plain reading of a random catalogue."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import config, index, shelves, tables
from recsys.catalogue import Catalogue
from recsys.filters import Filters
from recsys.index.contract import NO_ROW
from recsys.nearest import Nearest, exact
from recsys.query import Query
from recsys.shelves import Shelves

NOW = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
NUM_APPS, DIM = 600, 8
SOLD = {"NO": 2, "IS": 40, "VA": 150}
"""One app of so many is sold there; none in countries that no app names."""

random = np.random.default_rng(0)
VECTORS = random.normal(size=(NUM_APPS, DIM)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
QUERIES = VECTORS[random.integers(NUM_APPS, size=8)]


def countries(row: int) -> list[str]:
    return ["US", *(name for name, one_of in SOLD.items() if row % one_of == 0)]


APPS = [{"app_id": f"a{row}", "title": "", "countries": countries(row)} for row in range(NUM_APPS)]
CATALOGUE = Catalogue(pa.Table.from_pylist(APPS, tables.SCHEMAS["apps"]))
KINDS: dict[str, config.Index] = {
    "brute_force": config.Index(kind="brute_force"),
    "ivf": config.Index(kind="ivf", num_lists=12, num_probes=12),
}


def nearest(kind: str = "brute_force") -> Nearest:
    return Nearest(index.build(KINDS[kind], VECTORS), VECTORS, Shelves(CATALOGUE))


def query(country: str | None, blocked: list[int], k: int = 10) -> Query:
    half = len(blocked) // 2
    names = CATALOGUE.app_ids(np.array(blocked, dtype=np.int64))
    return Query("u", NOW, {"country": country}, names[:half], exclude=frozenset(names[half:]), k=k)


def may_see(asked: Query) -> set[int]:
    """By plain reading."""
    country = asked.features["country"]
    return {
        row
        for row in range(NUM_APPS)
        if country in (None, *countries(row))
        and not {f"a{row}"} & {*asked.installed_app_ids, *asked.exclude}
    }


def kept(found: Any, number: int) -> list[int]:
    stays = found.kept()
    rows: list[int] = stays.rows[number][stays.present()[number]].tolist()
    return rows


def find(kind: str, asked: list[Query], wanted: int) -> list[list[int]]:
    counts = np.full(len(asked), wanted)
    needed = np.array([query.k for query in asked])
    found = nearest(kind).find(
        QUERIES[: len(asked)], np.maximum(counts, needed), needed, Filters(CATALOGUE, asked)
    )
    return [kept(found, number) for number in range(len(asked))]


queries = st.builds(
    query,
    country=st.sampled_from([None, "US", "NO", "IS", "VA", "Atlantis"]),
    blocked=st.lists(st.integers(0, NUM_APPS - 1), max_size=300, unique=True),
    k=st.integers(1, 60),
)


@pytest.mark.parametrize("few", [10_000, 20], ids=["compared", "indexed"])
@settings(max_examples=60, deadline=None)
@given(asked=st.lists(queries, min_size=1, max_size=6), wanted=st.integers(1, 80))
def test_what_stays_is_eligible_and_enough_and_the_nearest(
    few: int, asked: list[Query], wanted: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shelves, "_FEW", few)
        found = find("brute_force", asked, wanted)
        for number, (one, rows) in enumerate(zip(asked, found, strict=True)):
            eligible = may_see(one)
            assert set(rows) <= eligible
            assert len(set(rows)) == len(rows)
            most = min(max(wanted, one.k), len(eligible))
            assert min(one.k, len(eligible)) <= len(rows) <= most
            assert len(rows) >= 0.9 * most
            # Nothing that was left out is nearer than what was found.
            products = VECTORS @ QUERIES[number]
            missed = [products[row] for row in eligible - set(rows)]
            assert max(missed, default=-2) <= min((products[row] for row in rows), default=2) + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_finds_what_single_queries_find(kind: str) -> None:
    asked = [
        query("US", []),
        query("NO", list(range(0, NUM_APPS, 4))),
        query("VA", []),
        query(None, list(range(500))),
        query("IS", [0, 40], k=60),
        query("Atlantis", []),
    ]
    together = find(kind, asked, wanted=50)
    finder = nearest(kind)
    for number, one in enumerate(asked):
        needed = np.array([one.k])
        alone = finder.find(
            QUERIES[number : number + 1],
            np.maximum(50, needed),
            needed,
            Filters(CATALOGUE, [one]),
        )
        assert kept(alone, 0) == together[number]
    assert [len(rows) for rows in together] == [50, 50, 4, 50, 13, 0]


def test_a_thousandth_of_the_catalogue_is_found_whole() -> None:
    assert sorted(find("ivf", [query("VA", [])], wanted=50)[0]) == [0, 150, 300, 450]


def test_the_nearest_of_some_rows_are_found_exactly() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 1], [0.8, 0.6]], dtype=np.float32)
    along = np.array([0, 1], dtype=np.float32)
    some = np.array([0, 1, 3, 4])
    assert exact(vectors, along, some, 3).tolist() == [1, 3, 4]
    assert exact(vectors, along, some, 4).tolist() == [1, 3, 4, 0]
    assert exact(vectors, along, some, 0).tolist() == []
    assert exact(vectors, along, np.array([], dtype=np.int64), 0).tolist() == []
    assert NO_ROW not in exact(vectors, along, some, 4)
