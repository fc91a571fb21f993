"""What a query must not be shown: installed, excluded, not sold there, not for its device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recsys.candidates import Candidates
from recsys.catalogue import Catalogue, Mask, Rows
from recsys.query import Query


class Filters:
    """The filters of a batch of queries, in the order in which they are applied."""

    def __init__(self, catalogue: Catalogue, queries: Sequence[Query]) -> None:
        self._catalogue = catalogue
        self._installed = [catalogue.rows(q.installed_app_ids) for q in queries]
        self._excluded = [catalogue.rows(q.exclude) for q in queries]
        self.countries = [q.features.get("country") for q in queries]
        self._devices = [q.features.get("device") for q in queries]

    @property
    def num_blocked(self) -> Rows:
        """How many rows each query's own lists can remove, `[num_queries]`."""
        both = zip(self._installed, self._excluded, strict=True)
        return np.array([len(one) + len(other) for one, other in both], dtype=np.int64)

    def apply(self, candidates: Candidates) -> tuple[Candidates, list[dict[str, int]]]:
        """What stays, and for each query how many candidates each filter removed.

        A candidate counts for the first filter that removes it.
        """
        left = candidates.present()
        num_removed = {}
        for name, removes in self._removals(candidates.rows).items():
            removed = left & removes
            left ^= removed
            num_removed[name] = removed.sum(axis=1).tolist()
        counts = zip(*num_removed.values(), strict=True)
        return candidates.without(~left), [dict(zip(num_removed, of, strict=True)) for of in counts]

    def eligible(self, number: int) -> Mask:
        """Whether each app of the catalogue may be shown to the query of that number."""
        may = self._catalogue.countries.may_see_all(self.countries[number]).copy()
        may &= self._catalogue.devices.may_see_all(self._devices[number])
        for blocked in (self._installed[number], self._excluded[number]):
            may[blocked] = False
        return may

    def _removals(self, rows: Rows) -> Mapping[str, Mask]:
        return {
            "installed": _among(rows, self._installed),
            "excluded": _among(rows, self._excluded),
            "country": ~self._catalogue.countries.may_see(self.countries, rows),
            "device": ~self._catalogue.devices.may_see(self._devices, rows),
        }


def _among(rows: Rows, blocked: Sequence[Rows]) -> Mask:
    """Whether each candidate `[num_queries, num_candidates]` is among its query's blocked rows."""
    among = np.zeros(rows.shape, dtype=np.bool_)
    for number, some in enumerate(blocked):
        if len(some):
            ordered = np.sort(some)
            places = ordered.searchsorted(rows[number])
            among[number] = ordered.take(places, mode="clip") == rows[number]
    return among
