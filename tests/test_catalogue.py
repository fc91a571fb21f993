from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import toy_catalogue

from recsys.catalogue import Catalogue, Mask
from recsys.index.contract import NO_ROW

EVERYTHING = np.arange(6)


@pytest.fixture(params=["whole", "in chunks", "mapped"])
def catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> Catalogue:
    apps = toy_catalogue.apps()
    if request.param == "mapped":
        Catalogue.save(apps, tmp_path)
        return Catalogue.load(tmp_path)
    if request.param == "in chunks":
        apps = pa.concat_tables([apps.slice(0, 2), apps.slice(2, 3), apps.slice(5)])
    return Catalogue(apps)


def seen(flags: Mask, catalogue: Catalogue) -> set[str]:
    return set(catalogue.app_ids(np.flatnonzero(flags)))


def test_ids_and_rows_are_each_others_inverse(catalogue: Catalogue) -> None:
    assert len(catalogue) == 6
    ids = catalogue.app_ids(EVERYTHING)
    assert ids == [row[0] for row in toy_catalogue.ROWS]
    assert catalogue.rows(ids).tolist() == EVERYTHING.tolist()
    assert [catalogue.row(app_id) for app_id in ids] == EVERYTHING.tolist()


def test_unknown_ids_have_no_row(catalogue: Catalogue) -> None:
    rows = catalogue.rows(["nobody", "plain", "", "nordic"])
    assert rows.tolist() == [5, 1]
    assert rows.dtype == np.int64
    assert catalogue.rows([]).dtype == np.int64
    for ask in (catalogue.row, catalogue.app):
        with pytest.raises(KeyError):
            ask("nobody")
    with pytest.raises(KeyError):
        catalogue.columns(["plain", "nobody"], ["title"])


def test_columns_of_apps(catalogue: Catalogue) -> None:
    assert catalogue.app("american")["title"] == "American"
    assert catalogue.app("american")["countries"] == ["US"]
    found = catalogue.columns(["plain", "nordic", "plain"], ["title"])
    assert found == [{"title": "Plain"}, {"title": "Nordic"}, {"title": "Plain"}]
    assert catalogue.columns([], ["title"]) == []
    mixed = catalogue.columns(["nordic", "plain"], ["app_id", "developer", "countries"])
    assert mixed == [
        {"app_id": "nordic", "developer": None, "countries": ["NO", "SE"]},
        {"app_id": "plain", "developer": None, "countries": None},
    ]


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("NO", {"everywhere", "nordic", "tablets", "norwegian phones", "plain"}),
        ("SE", {"everywhere", "nordic", "tablets", "plain"}),
        ("US", {"everywhere", "american", "tablets", "plain"}),
        ("Atlantis", {"everywhere", "tablets", "plain"}),
        (None, {row[0] for row in toy_catalogue.ROWS}),
        ("", {row[0] for row in toy_catalogue.ROWS}),
    ],
)
def test_an_app_is_seen_where_it_is_sold(
    catalogue: Catalogue, country: str | None, expected: set[str]
) -> None:
    assert seen(catalogue.countries.may_see_all(country), catalogue) == expected
    flags = catalogue.countries.may_see([country], EVERYTHING[None, :])
    assert flags.shape == (1, 6)
    assert seen(flags[0], catalogue) == expected


def test_an_app_is_seen_on_the_devices_it_runs_on(catalogue: Catalogue) -> None:
    everyones = {"everywhere", "nordic", "plain"}
    devices = catalogue.devices
    assert seen(devices.may_see_all("tablet"), catalogue) == everyones | {"tablets"}
    phones = {"american", "norwegian phones"}
    assert seen(devices.may_see_all("phone"), catalogue) == everyones | phones
    assert seen(devices.may_see_all("watch"), catalogue) == everyones
    assert devices.values == ("phone", "tablet")
    assert catalogue.countries.values == ("NO", "SE", "US")


def test_each_query_of_a_batch_sees_its_own(catalogue: Catalogue) -> None:
    rows = np.array([[1, 2], [2, 1], [4, 0]])
    flags = catalogue.countries.may_see(["US", "NO", None], rows)
    assert flags.tolist() == [[False, True], [False, True], [True, True]]


def test_the_newest_come_first_and_unknown_days_never(catalogue: Catalogue) -> None:
    newest = catalogue.app_ids(catalogue.newest(10))
    assert newest == ["tablets", "norwegian phones", "everywhere", "nordic", "plain"]
    assert catalogue.newest(2).tolist() == [3, 4]
    assert catalogue.newest(0).tolist() == []


def test_a_store_that_limits_nothing() -> None:
    apps = toy_catalogue.apps().slice(0, 1)
    catalogue = Catalogue(apps)
    assert catalogue.countries.values == ()
    assert catalogue.countries.may_see_all("NO").tolist() == [True]
    assert catalogue.devices.may_see(["phone"], np.array([[0, 0]])).tolist() == [[True, True]]


def test_ids_are_found_in_place(catalogue: Catalogue) -> None:
    assert catalogue.find(["plain", "gone", "everywhere", ""]).tolist() == [5, NO_ROW, 0, NO_ROW]
    assert catalogue.find([]).tolist() == []
