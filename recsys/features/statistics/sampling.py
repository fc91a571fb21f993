"""Which figures are exact, and how far the others may be off.

A table of up to `NUM_SAMPLED` rows has exact figures only. Of a larger one, these are estimates:

- Quantiles and the median of fractional numbers, and of whole ones whose range is `MAX_RANGE` or
  more: those of about `NUM_SAMPLED` rows drawn at random, `QUANTILE_RANK_ERROR` off.
- The number of distinct values of text that may have more than `MAX_COUNTED`: by HyperLogLog,
  `DISTINCT_ERROR` off.
- Which values of such text are frequent: those that as many rows, drawn at random, show `OFTEN`.
  A value of a share of `SURELY_FOUND` is among them; counts are exact.

Estimates differ a little from run to run. All else is exact on either engine: presence, mean,
deviation, least and greatest value, zeros, NaN and infinity, equi-width histograms, values per
list, lengths of text, and the values, counts and quantiles of what has few values.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from recsys.features.statistics.columns import SLICE

DRAWN = "[drawn]"
"""Column that says whether a row is of the sample."""

NUM_SAMPLED = 250_000
"""Rows of a table, or of a slice of it, that are enough for estimates."""

QUANTILE_RANK_ERROR = 0.01
"""The share of values below an estimated quantile is at most that far from the wanted one.

By the Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant (Annals of Probability 18,
1990), n drawn values are off by more than e with probability 2 exp(-2 n e^2): here 4e-22. Where a
column has a value in a share p of rows only, as many fewer are drawn, and the bound is 1 / sqrt(p)
times as large.
"""

MAX_RANGE = 10_000
"""Whole numbers of a smaller range are counted value by value."""

MAX_COUNTED = 500_000
"""Text that may have more distinct values has not each of them counted."""

DISTINCT_ERROR = 0.2
"""An estimated number of distinct values is at most that far off, as a share of the number: four
standard errors. Spark's HyperLogLog++ has one of 0.05 (the default of `approx_count_distinct`),
DuckDB's one of 0.03 to 0.04, as measured."""

OFTEN = 25
"""Of text that has many values, those that a sample shows so often are counted in all rows; which
values it shows less often, chance decides."""

SURELY_FOUND = 0.001
"""A value of that share of a column's rows is counted: it is drawn 250 times on average."""


def sample(table: ir.Table, num_rows: Mapping[str, int]) -> ir.Table:
    """About `NUM_SAMPLED` rows of each slice of a table, or of the whole; all, where there are no
    more.

    Args:
        table: with or without the column `SLICE`.
        num_rows: rows of each slice, or of the whole.
    """
    share = _share(table, num_rows)
    return table if share is None else table.filter(ibis.random() < share)


def marked(table: ir.Table, num_rows: Mapping[str, int]) -> ir.Table:
    """All rows, with a column `DRAWN` that says which are of such a sample: for what is to be known
    of the sample in a pass over the whole."""
    share = _share(table, num_rows)
    return table.mutate(**{DRAWN: ibis.literal(True) if share is None else ibis.random() < share})


def _share(table: ir.Table, num_rows: Mapping[str, int]) -> ir.FloatingValue | None:
    """The share of rows to draw, by a row's slice; None where all are taken."""
    shares = {name: NUM_SAMPLED / num for name, num in num_rows.items() if num > NUM_SAMPLED}
    if not shares:
        return None
    if SLICE not in table.columns:
        (share,) = shares.values()
        return ibis.literal(share)
    cases = [(table[SLICE] == name, share) for name, share in shares.items()]
    return ibis.cases(*cases, else_=1.0)


def most_distinct(num_distinct: int, num_once: int, ratio: float) -> float:
    """How many distinct values a table may be expected to have at most.

    A row that a sample doesn't show has a value that it doesn't show with the probability that the
    share of values which it shows once estimates (Good, Biometrika 40, 1953), and adds one at most.

    Args:
        num_distinct: values in the sample.
        num_once: those of them that it shows once.
        ratio: rows of the table over rows of the sample.
    """
    return num_distinct + num_once * (ratio - 1)
