"""What a query must not be shown: installed, excluded, not sold there, not for its device."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from recsys.candidates import Candidates
from recsys.catalogue import Catalogue, Mask, Rows
from recsys.query import Query

_NOTHING = -2
"""Pads the lists of blocked rows; unlike `NO_ROW` it equals no candidate."""


class Filters:
    """The filters of a batch of queries, in the order in which they are applied."""

    def __init__(self, catalogue: Catalogue, queries: Sequence[Query]) -> None:
        self._catalogue = catalogue
        self._installed = _padded([catalogue.rows(q.installed_app_ids) for q in queries])
        self._excluded = _padded([catalogue.rows(q.exclude) for q in queries])
        self.countries = [q.features.get("country") for q in queries]
        self._devices = [q.features.get("device") for q in queries]

    @property
    def num_blocked(self) -> Rows:
        """How many rows each query's own lists can remove, `[num_queries]`."""
        lists = np.concatenate([self._installed, self._excluded], axis=1)
        counts: Rows = (lists != _NOTHING).sum(axis=1)
        return counts

    def apply(self, candidates: Candidates) -> tuple[Candidates, list[dict[str, int]]]:
        """What stays, and for each query how many candidates each filter removed.

        A candidate counts for the first filter that removes it.
        """
        removals: list[dict[str, int]] = [{} for _ in self.countries]
        for name, removes in self._removals(candidates.rows).items():
            removed = removes & candidates.present()
            for counts, count in zip(removals, removed.sum(axis=1).tolist(), strict=True):
                counts[name] = count
            candidates = candidates.without(removed)
        return candidates, removals

    def eligible(self, number: int) -> Mask:
        """Whether each app of the catalogue may be shown to the query of that number."""
        may = self._catalogue.countries.may_see_all(self.countries[number]).copy()
        may &= self._catalogue.devices.may_see_all(self._devices[number])
        for blocked in (self._installed[number], self._excluded[number]):
            may[blocked[blocked != _NOTHING]] = False
        return may

    def _removals(self, rows: Rows) -> Mapping[str, Mask]:
        return {
            "installed": _among(rows, self._installed),
            "excluded": _among(rows, self._excluded),
            "country": ~self._catalogue.countries.may_see(self.countries, rows),
            "device": ~self._catalogue.devices.may_see(self._devices, rows),
        }


def _padded(lists: Collection[Rows]) -> Rows:
    width = max((len(rows) for rows in lists), default=0)
    padded = np.full((len(lists), width), _NOTHING, dtype=np.int64)
    for number, rows in enumerate(lists):
        padded[number, : len(rows)] = rows
    return padded


def _among(rows: Rows, blocked: Rows) -> Mask:
    """Whether each candidate `[num_queries, num_candidates]` is among its query's blocked rows
    `[num_queries, num_blocked]`."""
    among: Mask = (rows[:, :, None] == blocked[:, None, :]).any(axis=2)
    return among
