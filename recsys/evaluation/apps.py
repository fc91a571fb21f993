"""What an evaluation knows of a bundle's apps, a row each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.index.contract import NO_ROW

Integers = NDArray[np.int64]


class Apps:
    """The apps that a bundle was built with, and how often each was installed in its window."""

    def __init__(self, table: pa.Table, popular: pa.Table) -> None:
        """`table` is the catalogue; `popular` has `recsys.bundle.POPULAR_SCHEMA`."""
        self.table = table
        self._row_of = {app_id: row for row, app_id in enumerate(table["app_id"].to_pylist())}
        self.num_installs: Integers = np.zeros(len(table), dtype=np.int64)
        everywhere = popular.filter(popular["country"].is_null())
        rows = self.rows(everywhere["app_id"].to_pylist())
        known = rows != NO_ROW
        self.num_installs[rows[known]] = everywhere["num_installs"].to_numpy()[known]

    def __len__(self) -> int:
        return len(self._row_of)

    def rows(self, app_ids: Iterable[str]) -> Integers:
        """Rows of ids, `NO_ROW` for one that is not in the catalogue."""
        return np.array([self._row_of.get(app_id, NO_ROW) for app_id in app_ids], dtype=np.int64)

    def matrix(self, lists: Sequence[Sequence[str]], width: int) -> Integers:
        """Rows of the first `width` ids of each list, `[num_lists, width]`, `NO_ROW` beyond."""
        rows = np.full((len(lists), width), NO_ROW, dtype=np.int64)
        for number, ids in enumerate(lists):
            rows[number, : min(len(ids), width)] = self.rows(ids[:width])
        return rows

    @cached_property
    def categories(self) -> Integers | None:
        """A number for each app's category, `[num_apps]`; None where no app has one."""
        if "category" not in self.table.column_names:
            return None
        column = self.table["category"].combine_chunks()
        if column.null_count == len(column):
            return None
        named: Integers = (
            pc.fill_null(column, "").dictionary_encode().indices.to_numpy().astype(np.int64)
        )
        return named

    @cached_property
    def prices(self) -> NDArray[np.float32]:
        """US dollars, `[num_apps]`; NaN where a price is not known."""
        if "price" not in self.table.column_names:
            return np.full(len(self), np.nan, dtype=np.float32)
        column = self.table["price"].cast(pa.float32())
        prices: NDArray[np.float32] = pc.fill_null(column, float("nan")).to_numpy()
        return prices
