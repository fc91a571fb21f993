from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import toy_catalogue

from recsys import shelves, tables
from recsys.catalogue import Catalogue
from recsys.index.contract import Subset
from recsys.shelves import Shelves

CATALOGUE = toy_catalogue.catalogue()


def shown(country: str | None, device: str | None) -> set[str]:
    return set(CATALOGUE.app_ids(Shelves(CATALOGUE).of(country, device).rows()))


def test_a_shelf_holds_what_is_for_its_country_and_its_device() -> None:
    every = {row[0] for row in toy_catalogue.ROWS}
    assert shown(None, None) == every
    assert shown("", "") == every
    assert shown("SE", None) == {"everywhere", "nordic", "tablets", "plain"}
    assert shown("NO", "phone") == {"everywhere", "nordic", "norwegian phones", "plain"}
    assert shown("Atlantis", "abacus") == {"everywhere", "plain"}


def test_a_shelf_is_made_once_and_strangers_share_one() -> None:
    made = Shelves(CATALOGUE)
    assert made.of("NO", "phone") is made.of("NO", "phone")
    assert made.of("Atlantis", "phone") is made.of("El Dorado", "phone")
    assert made.of(None, None) is made.of("", None)
    assert made.of("Atlantis", None) is not made.of(None, None)


def test_how_much_of_the_catalogue_a_shelf_holds() -> None:
    made = Shelves(CATALOGUE)
    assert made.of("SE", None).share == pytest.approx(4 / 6)
    assert made.of("SE", None).is_loose
    assert made.of("SE", None).few is None, "few of a small catalogue are most of it"
    narrow = made.of("Atlantis", "abacus")
    assert not narrow.is_loose
    assert narrow.few is not None
    assert narrow.few.tolist() == [0, 5]


def test_many_apps_of_a_larger_catalogue_are_known_by_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "_FEW", 1)
    shelf = Shelves(CATALOGUE).of("Atlantis", "abacus")
    assert shelf.few is None
    assert shelf.rows().tolist() == [0, 5]


def test_an_empty_catalogue_has_empty_shelves() -> None:
    nothing = Catalogue(pa.Table.from_pylist([], tables.SCHEMAS["apps"]))
    shelf = Shelves(nothing).of("NO", None)
    assert shelf.rows().tolist() == []
    assert shelf.share == 0


def test_a_subset_is_the_rows_that_are_flagged() -> None:
    flags = np.array([True, False, False, True, True, False, False, False, False, True])
    some = Subset.of(flags)
    assert some.rows().tolist() == [0, 3, 4, 9]
    assert (some.count, some.num_rows) == (4, 10)
    assert some.bits.tolist() == [0b00011001, 0b00000010]
