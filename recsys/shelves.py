"""What may be shown in a country on a device, counted once and kept.

There are as many shelves as countries times devices that apps name, so what is kept of each is
small: its rows where they are few, else a bit an app.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys.catalogue import Catalogue, Rows
from recsys.index.contract import Subset

_FEW = 10_000
"""Apps that are compared with a query one by one; beyond, an index among them takes less."""
_LOOSE = 0.5
"""From this share of the catalogue on, what the index finds first is mostly on the shelf."""


@dataclass(frozen=True)
class Shelf:
    """The apps that are for a country and a device."""

    apps: Subset
    few: Rows | None
    """Their rows in order, where they are few in a large catalogue."""

    @property
    def share(self) -> float:
        """Of the catalogue."""
        return self.apps.count / max(1, self.apps.num_rows)

    @property
    def is_loose(self) -> bool:
        """Whether it holds most of the catalogue."""
        return self.share >= _LOOSE

    def rows(self) -> Rows:
        """The rows of its apps, in order; where they are many this reads the whole catalogue's
        bits."""
        return self.apps.rows() if self.few is None else self.few


class Shelves:
    """The shelves of a catalogue, each made when it is first asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known = frozenset(catalogue.countries.values), frozenset(catalogue.devices.values)
        self._made: dict[tuple[str | None, str | None], Shelf] = {}

    def of(self, country: str | None, device: str | None) -> Shelf:
        """The shelf of a country and a device, as `recsys.audience.Audience` understands them."""
        countries, devices = self._known
        # All values that no app names see the same, so that strangers can't fill the memory.
        key = _stranger(country, countries), _stranger(device, devices)
        shelf = self._made.get(key)
        if shelf is None:
            shelf = self._made[key] = self._make(country, device)
        return shelf

    def _make(self, country: str | None, device: str | None) -> Shelf:
        flags = self._catalogue.countries.may_see_all(country) & (
            self._catalogue.devices.may_see_all(device)
        )
        apps = Subset.of(flags)
        shelf = Shelf(apps, None)
        is_few = apps.count <= _FEW and not shelf.is_loose
        return Shelf(apps, np.flatnonzero(flags)) if is_few else shelf


def _stranger(value: str | None, known: frozenset[str]) -> str | None:
    """The value; one text for all that are unknown; None for a missing one."""
    if not value:
        return None
    return value if value in known else ""
