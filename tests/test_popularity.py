from __future__ import annotations

import pyarrow as pa
import toy_catalogue

from recsys.bundle import POPULAR_SCHEMA
from recsys.index.contract import NO_ROW
from recsys.popularity import Popularity

ROWS = [
    (None, "everywhere", 9),
    (None, "gone from the catalogue", 8),
    (None, "plain", 4),
    (None, "nordic", 3),
    ("NO", "nordic", 3),
    ("NO", "plain", 1),
]
TABLE = pa.Table.from_pylist(
    [dict(zip(POPULAR_SCHEMA.names, row, strict=True)) for row in ROWS], POPULAR_SCHEMA
)
POPULARITY = Popularity(TABLE, toy_catalogue.catalogue())
EVERYWHERE = [0, 5, 1]
NORWAY = [1, 5]


def test_a_countrys_top_apps_come_in_order_and_end_in_no_row() -> None:
    assert POPULARITY.top("NO", 4).tolist() == [*NORWAY, NO_ROW, NO_ROW]
    assert POPULARITY.top("NO", 1).tolist() == NORWAY[:1]
    assert POPULARITY.top("NO", 0).tolist() == []


def test_an_unknown_country_has_those_of_all_countries() -> None:
    for country in (None, "", "Atlantis"):
        assert POPULARITY.top(country, 3).tolist() == EVERYWHERE
    assert POPULARITY.everywhere.tolist() == EVERYWHERE


def test_a_batch_has_a_row_a_country() -> None:
    assert POPULARITY.batch(["NO", None], 2).tolist() == [NORWAY, EVERYWHERE[:2]]


def test_a_window_without_installs_has_no_popular_apps() -> None:
    empty = Popularity(POPULAR_SCHEMA.empty_table(), toy_catalogue.catalogue())
    assert empty.everywhere.tolist() == []
    assert empty.batch(["NO", None], 2).tolist() == [[NO_ROW, NO_ROW]] * 2
