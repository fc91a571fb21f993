"""Figures and their intervals as cells of a table that fits a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table

from recsys.evaluation.results import Comparison, Estimate

HEADLINES = {"page_recall": "page recall", "ranking_auc": "ranker AUC"}
"""The metrics that stand for all where there is little room, in as few words."""


def table(first: str, *others: str) -> Table:
    """An empty table; all columns but the first hold figures."""
    columns = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    columns.add_column(first, no_wrap=True)
    for name in others:
        columns.add_column(name, justify="right")
    return columns


def value(estimate: Estimate | None, sign: str = "") -> str:
    """The value alone; "" where there is none."""
    return f"{estimate.value:{sign}.4f}" if estimate else ""


def figure(estimate: Estimate | None, sign: str = "") -> str:
    """The value, and half the width of its interval."""
    if estimate is None or estimate.interval is None:
        return value(estimate, sign)
    low, high = estimate.interval
    return f"{value(estimate, sign)} ±{(high - low) / 2:.4f}"


def metrics(found: Mapping[str, Comparison]) -> Table:
    """Metrics of everything that has them, by their names in words."""
    has_baseline = any(compared.baseline for compared in found.values())
    # The headings break where they do so that a row fits 80 columns.
    rows = table("metric", "candidate\nmodel", "most\npopular")
    if has_baseline:
        rows.add_column("base-\nline", justify="right")
        rows.add_column("change", justify="right")
    for words, compared in found.items():
        cells = [figure(compared.candidate), value(compared.most_popular)]
        if has_baseline:
            cells += [value(compared.baseline), figure(compared.change, sign="+")]
        rows.add_row(words, *cells)
    return rows
