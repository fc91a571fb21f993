"""A comparison of policies as a table for a terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from data.comparison import BASELINE, Comparison, Estimate


def table(comparison: Comparison) -> Table:
    """A row a policy, the best first."""
    rows = Table(
        title=f"Expected installs a page, and the gain over {BASELINE}, with 95 % intervals",
        caption=f"{comparison.num_users:,} simulated users at home on {comparison.day}",
    )
    for heading in ("policy", "installs", "interval", "gain", "interval"):
        rows.add_column(heading, no_wrap=True)
    best_first = sorted(comparison.expected_installs.items(), key=lambda item: -item[1].mean)
    for name, estimate in best_first:
        gain = comparison.gains.get(name)
        rows.add_row(name, *_cells(estimate, ""), *(_cells(gain, "+") if gain else ()))
    return rows


def _cells(estimate: Estimate, sign: str) -> tuple[str, str]:
    interval = f"[{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"
    return f"{estimate.mean:{sign}.3f}", escape(interval)
