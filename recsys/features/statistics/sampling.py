"""Which figures are exact, and how far the others may be off.

A table of up to `NUM_SAMPLED` rows has exact figures only. Of a larger one, these are estimates:

- Quantiles and the median of numbers, and of lists' lengths: those of about `NUM_SAMPLED` rows
  drawn at random. `QUANTILE_RANK_ERROR` bounds the error.
- The number of distinct values of text, where it is more than `MAX_COUNTED`: by HyperLogLog.
  `DISTINCT_ERROR` bounds the error.
- Which values of such a column are the most frequent: those of as many rows drawn at random. A
  value of a share of `SURELY_FOUND` is among them; counts are exact.

All else is exact on either engine: presence, mean, deviation, least and greatest value, zeros, NaN
and infinity, equi-width histograms, values per list, lengths of text, and the values and counts of
smaller vocabularies.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from recsys.features.statistics.columns import SLICE

NUM_SAMPLED = 250_000
"""Rows of a table, or of a slice of it, that are enough for estimates."""

QUANTILE_RANK_ERROR = 0.01
"""The share of values below an estimated quantile is at most that far from the wanted one.

By the Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant (Annals of Probability 18,
1990), n drawn rows are off by more than e with probability 2 exp(-2 n e^2): here 4e-22.
"""

MAX_COUNTED = 100_000
"""A column with more distinct values than these has not each of them counted."""

DISTINCT_ERROR = 0.2
"""An estimated number of distinct values is at most that far off, as a share of the number: four
standard errors. Spark's HyperLogLog++ has one of 0.05 (the default of `approx_count_distinct`),
DuckDB's one of 0.03 to 0.04, as measured."""

SURELY_FOUND = 0.001
"""A value of that share of a column's rows is found in a sample: one that is drawn 250 times on
average, where thousand others would have to be drawn more often."""

_DRAW = "[draw]"


def sampled(
    table: ir.Table, num_rows: Mapping[str, int]
) -> tuple[ir.Table, ir.BooleanColumn | None]:
    """The table, and which of its rows are in a sample that has as many of each slice; None where
    they all are, since no slice is larger than that.

    Args:
        table: with or without the column `SLICE`.
        num_rows: rows of each slice, or of the whole.
    """
    shares = {name: NUM_SAMPLED / num for name, num in num_rows.items() if num > NUM_SAMPLED}
    if not shares:
        return table, None
    drawing = table.mutate(**{_DRAW: ibis.random()})
    if SLICE not in table.columns:
        (share,) = shares.values()
        return drawing, drawing[_DRAW] < share
    cases = [(drawing[SLICE] == name, share) for name, share in shares.items()]
    return drawing, drawing[_DRAW] < ibis.cases(*cases, else_=1.0)
