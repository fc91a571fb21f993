"""The apps of a bundle: raw ids on one side, dense rows on the other, and who may see which.

Raw ids are strings and rows are integers; they are converted here and nowhere else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.index.contract import NO_ROW

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Catalogue:
    """The snapshot of apps that a bundle was built with; a row is a place in it."""

    def __init__(self, apps: pa.Table) -> None:
        self._apps = apps
        self._row_of = {app_id: row for row, app_id in enumerate(apps["app_id"].to_pylist())}
        self.countries = _Audience(apps["countries"])
        self.devices = _Audience(apps["devices"])

    def __len__(self) -> int:
        return len(self._ids)

    def rows(self, app_ids: Iterable[str]) -> Rows:
        """Rows of those ids that are in the catalogue."""
        found = map(self._row_of.get, app_ids)
        return np.array([row for row in found if row is not None], dtype=np.int64)

    def find(self, app_ids: Iterable[str]) -> Rows:
        """The row of each id, `NO_ROW` where it is not in the catalogue."""
        return np.array([self._row_of.get(app_id, NO_ROW) for app_id in app_ids], dtype=np.int64)

    def row(self, app_id: str) -> int:
        """The row of an id.

        Raises:
            KeyError: the app is not in the catalogue.
        """
        return self._row_of[app_id]

    def app_ids(self, rows: Rows) -> list[str]:
        """The ids of rows."""
        return [self._ids[row] for row in rows.tolist()]

    def app(self, app_id: str) -> Mapping[str, Any]:
        """All columns of one app.

        Raises:
            KeyError: the app is not in the catalogue.
        """
        values: Mapping[str, Any] = self._apps.slice(self._row_of[app_id], 1).to_pylist()[0]
        return values

    def columns(self, app_ids: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
        """Some columns of several apps at once, which is much faster than one by one.

        Raises:
            KeyError: an app is not in the catalogue.
        """
        rows = pa.array([self._row_of[app_id] for app_id in app_ids], pa.int64())
        values: list[dict[str, Any]] = self._apps.select(names).take(rows).to_pylist()
        return values

    def newest(self, count: int) -> Rows:
        """Rows of the apps that were released last, the newest first; none where no release day
        is known."""
        days = pc.fill_null(self._apps["release_day"], dt.date.min).cast(pa.int32()).to_numpy()
        known = np.flatnonzero(self._apps["release_day"].is_valid().to_numpy())
        order = known[np.argsort(-days[known].astype(np.int64), kind="stable")]
        return order[:count].astype(np.int64)

    @cached_property
    def _ids(self) -> list[str]:
        return list(self._row_of)


class _Audience:
    """Which apps may be seen in each country, or on each device.

    An app that names no values is for everyone. A value that no app names sees only those; a query
    whose value is missing sees all.
    """

    def __init__(self, lists: pa.ChunkedArray) -> None:
        lists = lists.combine_chunks()
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        named = pc.list_flatten(lists).dictionary_encode()
        self.values: tuple[str, ...] = tuple(sorted(named.dictionary.to_pylist()))
        self._code_of = {value: code for code, value in enumerate(self.values)}
        unnamed, anyone = len(self.values), len(self.values) + 1
        self._unnamed, self._anyone = unnamed, anyone
        # One row of flags a value: a candidate is checked by one look-up.
        self._may_see = np.zeros((len(self.values) + 2, len(lists)), dtype=np.bool_)
        self._may_see[:, lengths == 0] = True
        self._may_see[anyone] = True
        codes = np.array([self._code_of[v] for v in named.dictionary.to_pylist()], dtype=np.int64)
        owners = np.repeat(np.arange(len(lists)), lengths)
        if len(owners):
            self._may_see[codes[named.indices.to_numpy()], owners] = True

    def may_see(self, values: Sequence[str | None], rows: Rows) -> Mask:
        """Whether each query may see its candidates: `[num_queries]` values and
        `[num_queries, num_candidates]` rows to flags of the rows' shape."""
        return self._may_see[self._codes(values)[:, None], rows]

    def may_see_all(self, value: str | None) -> Mask:
        """Whether a query may see each app, `[num_apps]`."""
        flags: Mask = self._may_see[self._codes([value])[0]]
        return flags

    def _codes(self, values: Sequence[str | None]) -> Rows:
        codes = [self._code_of.get(v, self._unnamed) if v else self._anyone for v in values]
        return np.array(codes, dtype=np.int64)
