"""Lists in a chosen order, which engines make each in their own way."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


def collected(values: ir.Column, order_by: list[ir.Column]) -> ir.ArrayScalar:
    """A group's values as one list, ordered by columns that hold no null.

    Spark's aggregates know no order, while lists of structs sort alike on both engines: field by
    field.
    """
    keys = {f"key_{number}": key for number, key in enumerate(order_by)}
    rows = ibis.struct({**keys, "value": values}).collect()
    return rows.sort().map(lambda row: row.value)
