"""How often each value of a column occurs, where they are few: all its figures follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recsys import config, engine
from recsys.features.statistics.columns import SLICE, WHOLE, keys

_VALUE, _NUM, _COLUMN = "value", "num", "column"


@dataclass(frozen=True)
class Counts:
    """The distinct values of one column, ascending, and the rows that have each."""

    values: pa.Array
    nums: npt.NDArray[np.int64]

    @property
    def total(self) -> int:
        """Rows that have a value."""
        return int(self.nums.sum())

    def most_frequent(self, num: int) -> list[tuple[Any, int]]:
        """Values and their rows, the most frequent first; those of as many rows in their order."""
        places = np.argsort(-self.nums, kind="stable")[:num]
        return list(zip(self.values.take(places).to_pylist(), self.nums[places], strict=True))


NONE = Counts(pa.nulls(0), np.zeros(0, np.int64))
"""Where there is no value."""

Counted = dict[str, dict[str, Counts]]
"""For each slice, how often each value of each column occurs."""


def counted(settings: config.Engine, table: ir.Table, columns: Mapping[str, ir.Column]) -> Counted:
    """Counts for each slice and column, by one query.

    Args:
        settings: the engine that the table belongs to.
        table: with or without the column `SLICE`.
        columns: expressions over the table, all of one type; by name.
    """
    if not columns:
        return {}
    names = list(columns)
    each = [_counts(table, number, columns[name]) for number, name in enumerate(names)]
    found = engine.to_arrow(settings, ibis.union(*each))
    if SLICE not in found.column_names:
        return {WHOLE: _by_column(found, names)}
    slices = found[SLICE].unique().to_pylist()
    return {name: _by_column(found.filter(pc.field(SLICE) == name), names) for name in slices}


def together(*found: Counted) -> Counted:
    """Counts of different columns put together, slice by slice."""
    whole: Counted = {}
    for each in found:
        for name, columns in each.items():
            whole.setdefault(name, {}).update(columns)
    return whole


def _counts(table: ir.Table, number: int, column: ir.Column) -> ir.Table:
    values = table.select(*keys(table), **{_VALUE: column})
    present = values.filter(values[_VALUE].notnull())
    counts = present.group_by(*keys(table), _VALUE).agg(**{_NUM: present.count()})
    return counts.mutate(**{_COLUMN: ibis.literal(number, "int32")})


def _by_column(found: pa.Table, names: Sequence[str]) -> dict[str, Counts]:
    by_column = {}
    for number, name in enumerate(names):
        rows = found.filter(pc.field(_COLUMN) == number).sort_by(_VALUE)
        nums = rows[_NUM].to_numpy().astype(np.int64)
        by_column[name] = Counts(rows[_VALUE].combine_chunks(), nums)
    return by_column
