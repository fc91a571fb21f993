"""From raw app ids to dense rows by sorted hashes: two arrays that processes map from one file,
where a dictionary of a million ids would take each of them seconds and a hundred MiB.

An id is known by a hash of 64 bits. That no two ids of a catalogue share one is checked when the
arrays are made; an id that is not in a catalogue of a million is taken for one of its apps with a
chance of 5e-14.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.errors import BadInput
from recsys.features.transformed import Arrays
from recsys.index.contract import NO_ROW, Rows

Hashes = NDArray[np.uint64]

HASHES, ROWS = "id_hashes", "id_rows"
"""Names of the arrays: the hashes in order, and the row of each."""

_END = b"\0"
_FACTOR = 0x9E3779B97F4A7C15
_INVERSE = pow(_FACTOR, -1, 1 << 64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # of SplitMix64
_IDS_AT_ONCE = 4_096


class AppRows:
    """The row of each app id of a catalogue."""

    def __init__(self, arrays: Arrays) -> None:
        """`arrays` are those of `arrays_of`."""
        self._hashes = np.asarray(arrays[HASHES])
        self._rows = np.asarray(arrays[ROWS])

    def find(self, app_ids: Iterable[str]) -> Rows:
        """The row of each id, `NO_ROW` where it is not in the catalogue. Many at once take each a
        third of what a few do."""
        asked = list(app_ids)
        if not asked or not len(self._hashes):
            return np.full(len(asked), NO_ROW, dtype=np.int64)
        hashes = _hashes(asked)
        # In order they are found in half the time: neighbours share what was read.
        order = hashes.argsort()
        hashes = hashes[order]
        places = np.minimum(self._hashes.searchsorted(hashes), len(self._hashes) - 1)
        known = self._hashes.take(places) == hashes
        rows = np.empty(len(asked), dtype=np.int64)
        rows[order] = np.where(known, self._rows.take(places), NO_ROW)
        return rows


def arrays_of(app_ids: Sequence[str]) -> dict[str, NDArray[np.uint64] | NDArray[np.int32]]:
    """What `AppRows` finds the rows of these ids by.

    Raises:
        BadInput: an id is there twice.
    """
    starts = range(0, len(app_ids), _IDS_AT_ONCE)
    parts = [_hashes(app_ids[start : start + _IDS_AT_ONCE]) for start in starts]
    hashes = np.concatenate([np.empty(0, np.uint64), *parts])
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    if len(same := np.flatnonzero(ordered[1:] == ordered[:-1])):
        first, second = (app_ids[row] for row in order[same[0] : same[0] + 2])
        raise BadInput(f"apps {first!r} and {second!r} can't be told apart, expected distinct ids.")
    return {HASHES: ordered, ROWS: order.astype(np.int32)}


def _hashes(app_ids: Sequence[str]) -> Hashes:
    """A polynomial of each id's bytes modulo 2^64, mixed: `[num_ids]`, of one id or more."""
    text = _joined(app_ids)
    ends = np.flatnonzero(text == 0)
    if len(ends) != len(app_ids):  # an id holds what ends one, as no app's does
        text = _joined([app_id.replace("\0", "\x01\x01") for app_id in app_ids])
        ends = np.flatnonzero(text == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    powers, inverses = _powers(len(text))
    sums: Hashes = np.add.reduceat(powers[: len(text)] * text, starts)
    sums *= inverses.take(starts)  # as if each id began at the text's beginning
    sums ^= sums >> np.uint64(32)
    sums *= _MIX
    return sums


def _joined(app_ids: Sequence[str]) -> NDArray[np.uint8]:
    text = "\0".join(app_ids).encode(errors="surrogatepass")
    return np.frombuffer(text + _END, np.uint8)


class _Powers:
    """The powers of the factor and of its inverse, as many as the longest text so far needs."""

    def __init__(self) -> None:
        self._both = self._upto(1 << 16)

    def __call__(self, count: int) -> tuple[Hashes, Hashes]:
        both = self._both
        if len(both[0]) < count:
            both = self._both = self._upto(1 << count.bit_length())
        return both

    @staticmethod
    def _upto(count: int) -> tuple[Hashes, Hashes]:
        factor, inverse = (np.full(count, of, np.uint64) for of in (_FACTOR, _INVERSE))
        return np.multiply.accumulate(factor), np.multiply.accumulate(inverse)


_powers = _Powers()
