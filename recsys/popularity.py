"""What is installed most, in a country and everywhere: a source of candidates, and the baseline
that every model must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.catalogue import Catalogue, Rows
from recsys.index.contract import NO_ROW


class Popularity:
    """Apps by installs in the training window, the most first."""

    def __init__(self, popular: pa.Table, catalogue: Catalogue) -> None:
        """`popular` has the columns of `recsys.bundle.POPULAR_SCHEMA`, in order of installs."""
        self._popular = popular
        self._catalogue = catalogue

    def top(self, country: str | None, count: int) -> Rows:
        """Rows of the country's top apps, `[count]`, `NO_ROW` beyond the last; of all countries'
        where the country is unknown."""
        rows: Rows = self.batch([country], count)[0]
        return rows

    def batch(self, countries: Sequence[str | None], count: int) -> Rows:
        """`top` for each country, `[num_countries, count]`."""
        rows = np.full((len(countries), count), NO_ROW, dtype=np.int64)
        for number, country in enumerate(countries):
            ranked = self._by_country.get(country, self.everywhere)[:count]
            rows[number, : len(ranked)] = ranked
        return rows

    @property
    def everywhere(self) -> Rows:
        """Rows of every app that was installed anywhere, the most first."""
        return self._by_country.get(None, np.empty(0, dtype=np.int64))

    @cached_property
    def _by_country(self) -> Mapping[str | None, Rows]:
        countries = pc.unique(self._popular["country"]).to_pylist()
        return {country: self._rows_of(country) for country in countries}

    def _rows_of(self, country: str | None) -> Rows:
        column = self._popular["country"]
        mine = column.is_null() if country is None else pc.equal(column, country)
        return self._catalogue.rows(self._popular.filter(mine)["app_id"].to_pylist())
