"""Judges rows: parses each, and says of a bad one why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data.importers.columns import INTERACTIONS, NUMBERS, Column, Kind
from data.importers.parse import FIRST_YEAR, LAST_YEAR, is_blank, parsed
from data.importers.source import LINE, TEXT
from recsys.config import Import
from recsys.tables import TIME

REASON = "_reason"
"""Column that says why a row is bad; null where it is good."""

WRONG_NUMBER_OF_FIELDS = "wrong number of fields"
DUPLICATE = "duplicate"

_EXPECTED: Mapping[pa.DataType, str] = {
    pa.float32(): "a number",
    TIME: f"a time from {FIRST_YEAR} to {LAST_YEAR}",
    pa.date32(): f"a day from {FIRST_YEAR} to {LAST_YEAR}",
    NUMBERS: "a list of numbers",
}


def judged(raw: ir.Table, kind: Kind, columns: Sequence[Column], settings: Import) -> ir.Table:
    """Parses rows and judges them.

    Args:
        raw: what `reading.read` wrote.
        kind: the file it came from.
        columns: those of `raw`.
        settings: how times, lists and positives are told.

    Returns:
        `_line`, `_reason`, and the columns, of their types. Good interactions of too small a
        `value` are left out.
    """
    rows = _parsed(raw, columns, settings)
    order = [LINE]
    if kind is INTERACTIONS:
        if "value" in rows.columns:
            least = ibis.literal(settings.min_value, "float32")
            rows = rows.filter(rows[REASON].notnull() | (rows["value"] >= least))
        if "time" in rows.columns:
            order = ["time", LINE]
    return _without_repeats(rows, kind.keys, order)


def _parsed(raw: ir.Table, columns: Sequence[Column], settings: Import) -> ir.Table:
    good = ibis.null("string")
    values: dict[str, ir.Value] = {}
    reasons = [raw[TEXT].notnull().ifelse(WRONG_NUMBER_OF_FIELDS, good)]
    for column in columns:
        value = parsed(raw[column.name], column.type, settings)
        blank = is_blank(raw[column.name])
        values[column.name] = value
        if column.is_required:
            reasons.append(blank.ifelse(f"{column.name} is empty", good))
        if column.type in _EXPECTED:
            reason = f"{column.name} is not {_EXPECTED[column.type]}"
            reasons.append((~blank & value.isnull()).ifelse(reason, good))
    return raw.select(LINE, **{REASON: ibis.coalesce(*reasons)}, **values)


def _without_repeats(rows: ir.Table, keys: Sequence[str], order: Sequence[str]) -> ir.Table:
    """Of good rows with equal keys, all but the first in order are bad."""
    place = ibis.row_number().over(group_by=[*keys, REASON], order_by=order)
    is_repeat = rows[REASON].isnull() & (place > 0)
    return rows.mutate(**{REASON: is_repeat.ifelse(DUPLICATE, rows[REASON])})
