"""Served values beside trained ones, row by row, counted by the engine.

A value counts as missing where a model can't tell it from a missing one: an empty text, an empty
list, NaN.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir

from recsys import config, engine
from recsys.config import Feature
from recsys.features.skew import NUM_EXAMPLES, Difference, FeatureSkew

_FLOAT32_ROUNDING = 1e-6
"""Models are given numbers as float32: a difference of this share means nothing."""


class _Pair(NamedTuple):
    """One column of the joined rows, null where a value is missing."""

    served: ir.Column
    trained: ir.Column
    are_equal: ir.BooleanColumn
    """Where both are there."""

    @property
    def differs(self) -> ir.BooleanColumn:
        both = self.served.notnull() & self.trained.notnull()
        return (self.served.isnull() != self.trained.isnull()) | (both & ~self.are_equal)


def compare(
    settings: config.Engine,
    served: ir.Table,
    trained: ir.Table,
    keys: Sequence[str],
    features: Mapping[str, Feature],
    tolerance: float,
) -> tuple[int, dict[str, FeatureSkew]]:
    """Joins two tables by their keys and compares the columns that features are read from.

    Args:
        settings: the engine that the tables belong to.
        served: `keys`, and the columns as the server used them; one that it lacks is missing.
        trained: the same, as training reads them.
        keys: `request_id`, and for features of apps `app_id`.
        features: by the column that each is read from.
        tolerance: share of a number, in absolute value of the greater, that it may differ by.

    Returns:
        the number of rows that both tables have, and the skew of each column.
    """
    joined = _prefixed(served, "served", keys, features).inner_join(
        _prefixed(trained, "trained", keys, features), list(keys)
    )
    pairs = {
        column: _pair(joined[f"served_{column}"], joined[f"trained_{column}"], feature, tolerance)
        for column, feature in features.items()
    }
    num_joined, counts = _counts(settings, joined, pairs)
    skews = {}
    for column, pair in pairs.items():
        skew = FeatureSkew(num_joined=num_joined, **counts[column])
        if skew.num_differing:
            skew = replace(skew, examples=_examples(settings, joined, keys, pair))
        skews[column] = skew
    return num_joined, skews


def _prefixed(
    table: ir.Table, side: str, keys: Sequence[str], features: Mapping[str, Feature]
) -> ir.Table:
    found = {column: table[column] for column in features if column in table.columns}
    columns = {f"{side}_{c}": found.get(c, ibis.null("string")) for c in features}
    return table.select(*keys, **columns)


def _counts(
    settings: config.Engine, joined: ir.Table, pairs: Mapping[str, _Pair]
) -> tuple[int, dict[str, dict[str, Any]]]:
    """The number of rows, and for each column what `FeatureSkew` counts of them."""
    sums = {
        f"{column} {name}": flags.sum().fill_null(0)
        for column, pair in pairs.items()
        for name, flags in _counted(pair).items()
    }
    row = joined.agg(num_joined=joined.count(), **sums)
    [found] = engine.to_arrow(settings, row).to_pylist()
    counts = {
        column: {name: found[f"{column} {name}"] for name in _counted(pair)}
        for column, pair in pairs.items()
    }
    return found["num_joined"], counts


def _counted(pair: _Pair) -> dict[str, ir.BooleanColumn]:
    served, trained = pair.served.notnull(), pair.trained.notnull()
    return {
        "num_served": served,
        "num_trained": trained,
        "num_differing": pair.differs,
        "num_missing_served": trained & ~served,
        "num_missing_trained": served & ~trained,
    }


def _examples(
    settings: config.Engine, joined: ir.Table, keys: Sequence[str], pair: _Pair
) -> tuple[Difference, ...]:
    rows = joined.select(
        *keys, served=pair.served, trained=pair.trained, differs=pair.differs
    ).filter(ibis._.differs)
    first = rows.order_by(list(keys)).limit(NUM_EXAMPLES).drop("differs")
    return tuple(
        Difference(
            row["request_id"], row.get("app_id"), _plain(row["served"]), _plain(row["trained"])
        )
        for row in engine.to_arrow(settings, first).to_pylist()
    )


def _pair(served: ir.Column, trained: ir.Column, feature: Feature, tolerance: float) -> _Pair:
    match feature.kind:
        case "number":
            return _numbers(served, trained, max(tolerance, _FLOAT32_ROUNDING))
        case "hour" | "weekday":
            s, t = (value.cast("timestamp('UTC', 6)").truncate("s") for value in (served, trained))
        case "category" if trained.type().is_numeric():
            # As texts, 7 and 7.0 would differ.
            return _numbers(served, trained, _FLOAT32_ROUNDING)
        case "category":
            s, t = (value.cast("string").nullif("") for value in (served, trained))
        case "categories":
            s, t = (_last(value, feature.max_length) for value in (served, trained))
    return _Pair(s, t, s == t)


def _numbers(served: ir.Column, trained: ir.Column, tolerance: float) -> _Pair:
    s, t = _number(served), _number(trained)
    room = tolerance * ibis.greatest(s.abs(), t.abs())
    return _Pair(s, t, (s == t) | ((s - t).abs() < room))


def _number(values: ir.Column) -> ir.Column:
    """Null for NaN. DuckDB 2 finds NaN in files that PyArrow wrote only behind a cast that may
    fail."""
    numbers = values.try_cast("float64")
    return numbers.try_cast("float32").isnan().ifelse(ibis.null("float64"), numbers)


def _last(values: ir.Column, count: int) -> ir.Column:
    """The last values of lists, null where there is none."""
    texts = values.cast("array<string>")
    last = texts[ibis.greatest(texts.length() - count, 0) :].map(lambda text: text.fill_null(""))
    return (texts.length() > 0).ifelse(last, ibis.null("array<string>"))


def _plain(value: Any) -> Any:
    match value:
        case dt.datetime():
            return value.isoformat()
        case float() if not math.isfinite(value):  # which JSON has no word for
            return str(value)
        case _:
            return value
