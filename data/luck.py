"""Where the chance in users' acts comes from: drawn one after the other, or told by what it is for.

Draws that are told by user, day, request and app are the same whoever made the page, in whichever
batch and process. So a user who lives in two arms meets the same luck in both, app by app: common
random numbers, by which arms differ through their pages alone. They are hashes of what they are
for, by the finaliser of SplitMix64 (Steele, Lea & Flood, Fast Splittable Pseudorandom Number
Generators, OOPSLA 2014).
"""

from __future__ import annotations

import datetime as dt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats, Integers
from data.requests import Requests
from data.streams import Streams

_Hashes = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LOTS = _GOLDEN * np.arange(1, 8, dtype=np.uint64)
_ACTS, _TIMES = _LOTS[:4], _LOTS[4:]


class Luck(Protocol):
    """Draws that decide what users do."""

    def of_acts(self, requests: Requests, pages: Integers) -> Floats:
        """Uniform draws `[4, n, k]` for pages `[n, k]`: to look, click, install, uninstall."""
        ...

    def of_times(self, requests: Requests, apps: Integers) -> tuple[Floats, Floats, Floats]:
        """For clicks on apps `[n]`, each of its request: standard exponential draws of how long it
        took to click and to install, and a uniform one of when an uninstall came."""
        ...


class Drawn:
    """Draws of one stream, one after the other."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def of_acts(self, requests: Requests, pages: Integers) -> Floats:
        """See `Luck`."""
        return self._rng.random((4, *pages.shape), np.float32)

    def of_times(self, requests: Requests, apps: Integers) -> tuple[Floats, Floats, Floats]:
        """See `Luck`."""
        delays = self._rng.standard_exponential((2, len(apps)))
        return delays[0], delays[1], self._rng.random(len(apps))


class Told:
    """Draws of a day told by user, request and app."""

    def __init__(self, streams: Streams, day: dt.date) -> None:
        rng = streams.rng("luck", day.isoformat())
        self._salt = rng.integers(2**64, dtype=np.uint64, size=1)

    def of_acts(self, requests: Requests, pages: Integers) -> Floats:
        """See `Luck`."""
        keys = self._keys(requests)[:, None] + _GOLDEN * pages.astype(np.uint64)
        return np.stack([_uniform(_mixed(keys), lot) for lot in _ACTS]).astype(np.float32)

    def of_times(self, requests: Requests, apps: Integers) -> tuple[Floats, Floats, Floats]:
        """See `Luck`."""
        keys = _mixed(self._keys(requests) + _GOLDEN * apps.astype(np.uint64))
        reading, deciding, keeping = (_uniform(keys, lot) for lot in _TIMES)
        return -np.log1p(-reading), -np.log1p(-deciding), keeping

    def _keys(self, requests: Requests) -> _Hashes:
        users = _mixed(self._salt + requests.user.astype(np.uint64))
        return _mixed(users + requests.time.astype(np.uint64))


def _uniform(keys: _Hashes, lot: np.uint64) -> Floats:
    """In [0, 1), of 24 bits, which single precision holds."""
    return (_mixed(keys + lot) >> np.uint64(40)) / 2.0**24


def _mixed(keys: _Hashes) -> _Hashes:
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
