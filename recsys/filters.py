"""What a query must not be shown: installed, excluded, not sold there, not for its device."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain

import numpy as np

from recsys.candidates import Candidates, Flags
from recsys.catalogue import Catalogue, Mask, Rows
from recsys.index.contract import NO_ROW
from recsys.query import Query

FILTERS = ("installed", "excluded", "country", "device")
"""In the order in which they are applied; a candidate counts for the first that removes it."""


_NO_ROWS = np.empty(0, dtype=np.int64)


class Filters:
    """The filters of a batch of queries."""

    def __init__(self, catalogue: Catalogue, queries: Sequence[Query]) -> None:
        self._catalogue = catalogue
        self._installed = _Lists(catalogue, [q.installed_app_ids for q in queries])
        self._excluded = _Lists(catalogue, [q.exclude for q in queries])
        self.countries = [q.features.get("country") for q in queries]
        self.devices = [q.features.get("device") for q in queries]

    @property
    def num_blocked(self) -> Rows:
        """How many rows each query's own lists can remove, `[num_queries]`."""
        return self._installed.counts + self._excluded.counts

    def blocked(self, number: int) -> Rows:
        """The rows that the lists of the query of that number name."""
        return np.concatenate([self._installed.of(number), self._excluded.of(number)])

    def last_installed(self, count: int) -> Rows:
        """See `recsys.executor.contract.Installed`."""
        return self._installed.last(count)

    def flag(self, candidates: Candidates) -> Candidates:
        """The candidates, each with the filter that removes it, if any."""
        return candidates.removed_by(self._reasons(candidates.rows))

    def split(self, flagged: Candidates) -> tuple[Candidates, list[dict[str, int]]]:
        """What stays of flagged candidates, and for each query how many each filter removed."""
        reasons = np.where(flagged.present(), flagged.reasons(), 0)
        num_kinds = 1 + len(FILTERS)
        kinds = reasons + num_kinds * np.arange(len(reasons))[:, None]
        counts = np.bincount(kinds.ravel(), minlength=num_kinds * len(reasons))
        num_removed = counts.reshape(-1, num_kinds)[:, 1:].tolist()
        return flagged.kept(), [dict(zip(FILTERS, of, strict=True)) for of in num_removed]

    def apply(self, candidates: Candidates) -> tuple[Candidates, list[dict[str, int]]]:
        """What stays, and for each query how many candidates each filter removed."""
        return self.split(self.flag(candidates))

    def eligible(self, number: int) -> Mask:
        """Whether each app of the catalogue may be shown to the query of that number."""
        may = self._catalogue.countries.may_see_all(self.countries[number]).copy()
        may &= self._catalogue.devices.may_see_all(self.devices[number])
        may[self.blocked(number)] = False
        return may

    def _reasons(self, rows: Rows) -> Flags:
        """The place in `FILTERS`, from 1 on, of the first that removes each row; 0 where none."""
        removals = (
            self._installed.have(rows),
            self._excluded.have(rows),
            ~self._catalogue.countries.may_see(self.countries, rows),
            ~self._catalogue.devices.may_see(self.devices, rows),
        )
        reasons: Flags = np.zeros(rows.shape, dtype=np.uint8)
        for number, removed in reversed(list(enumerate(removals, start=1))):
            reasons[removed] = number
        return reasons


class _Lists:
    """Rows of the apps that each query of a batch names."""

    def __init__(self, catalogue: Catalogue, lists: Sequence[Collection[str]]) -> None:
        lengths = np.array([len(one) for one in lists], dtype=np.int64)
        self._ends = lengths.cumsum()
        self._lengths = lengths
        self._num_apps = len(catalogue)
        # All of a batch at once: to look one up takes less than to begin.
        self._rows = catalogue.find(chain.from_iterable(lists)) if lengths.any() else _NO_ROWS
        known = self._rows != NO_ROW
        owners = np.arange(len(lists)).repeat(lengths)[known]
        # A row and whose it is as one number.
        self._keys = np.sort(owners * self._num_apps + self._rows[known])
        self.counts = np.bincount(owners, minlength=len(lists))
        """How many rows each query names, `[num_queries]`."""

    def of(self, number: int) -> Rows:
        """The rows that the query of that number names."""
        end = int(self.counts[: number + 1].sum())
        return self._keys[end - int(self.counts[number]) : end] - number * self._num_apps

    def have(self, rows: Rows) -> Mask:
        """Whether each query names its rows `[num_queries, num_rows]`."""
        if not len(self._keys):
            return np.zeros(rows.shape, dtype=np.bool_)
        keys = rows + self._num_apps * np.arange(len(rows))[:, None]
        places = self._keys.searchsorted(keys)
        named: Mask = self._keys.take(places, mode="clip") == keys
        return named

    def last(self, count: int) -> Rows:
        """The rows of the last so many apps of each list, `[num_queries, count]`: `NO_ROW` where
        one is not in the catalogue, and behind the last."""
        rows = np.full((len(self._lengths), count), NO_ROW, dtype=np.int64)
        if len(self._rows):
            kept = np.minimum(self._lengths, count)[:, None]
            places = np.arange(count)
            is_there = places < kept
            rows[is_there] = self._rows[(self._ends[:, None] - kept + places)[is_there]]
        return rows
