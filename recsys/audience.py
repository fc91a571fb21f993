"""Which apps may be seen in each country, or on each device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.index.contract import Rows

Mask = NDArray[np.bool_]


class Audience:
    """Flags by value and app: a candidate is checked by one look-up.

    An app that names no values is for everyone. A value that no app names sees only those; a query
    whose value is missing sees all.
    """

    def __init__(self, values: Sequence[str], may_see: Mask) -> None:
        """`values` and `may_see` as `flags` makes them."""
        self.values: tuple[str, ...] = tuple(values)
        self._may_see = may_see
        self._code_of = {value: code for code, value in enumerate(self.values)}
        self._unnamed, self._anyone = len(self.values), len(self.values) + 1

    def may_see(self, values: Sequence[str | None], rows: Rows) -> Mask:
        """Whether each query may see its candidates: `[num_queries]` values and
        `[num_queries, num_candidates]` rows to flags of the rows' shape."""
        # One look-up in the flags as one line takes a third of one by value and row. Of a row that
        # stands for none the flag is some app's.
        places = rows + (self._codes(values) * self._may_see.shape[1])[:, None]
        flags: Mask = self._may_see.ravel().take(places, mode="wrap")
        return flags

    def may_see_all(self, value: str | None) -> Mask:
        """Whether a query may see each app, `[num_apps]`."""
        flags: Mask = self._may_see[self._codes([value])[0]]
        return flags

    def _codes(self, values: Sequence[str | None]) -> Rows:
        codes = [self._code_of.get(v, self._unnamed) if v else self._anyone for v in values]
        return np.array(codes, dtype=np.int64)


def flags(lists: pa.ChunkedArray) -> tuple[NDArray[np.str_], Mask]:
    """The values that apps name, in order, and what each of them may see,
    `[num_values + 2, num_apps]`: the last rows are of a value that no app names, and of no value.

    Args:
        lists: the values that each app names.
    """
    lists = lists.combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    named: Any = pc.list_flatten(lists).dictionary_encode()
    values = np.array(sorted(named.dictionary.to_pylist()), dtype=np.str_)
    may_see = np.zeros((len(values) + 2, len(lists)), dtype=np.bool_)
    may_see[:, lengths == 0] = True
    may_see[-1] = True
    codes = np.searchsorted(values, np.array(named.dictionary.to_pylist(), dtype=np.str_))
    owners = np.repeat(np.arange(len(lists)), lengths)
    if len(owners):
        may_see[codes[named.indices.to_numpy()], owners] = True
    return values, may_see
