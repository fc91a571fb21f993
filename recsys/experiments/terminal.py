"""An experiment in a terminal: tables of 80 columns, what may be believed first."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich import box
from rich.table import Table

from recsys.experiments.estimates import Estimate
from recsys.experiments.metrics import words
from recsys.experiments.planning import Plan
from recsys.experiments.report import Report
from recsys.reports import figures

_STATES = {"held": "held", "broken": "BROKEN", "unclear": "not shown"}


def health(report: Report) -> str:
    """Whether the results may be read, in one line."""
    found = report.analysis.health
    arms = ", ".join(f"{arm} {num:,}" for arm, num in found.num_users.items())
    days = report.analysis.days
    return (
        f"{report.name}: day {len(days)} of {report.declared.horizon_days}, {days[0]} to "
        f"{days[-1]}{', simulated' if report.simulation is not None else ''}\n"
        f"users: {arms}; as dealt with p {_chance(found.mismatch_p_value)}, "
        f"{found.num_in_two_arms:,} in two arms"
    )


def lifts(report: Report) -> Table:
    """Every metric raw and with CUPED; of the one that decides, also the always-valid interval."""
    rows = _table("metric", "control", "treatment", "lift", "interval", "p")
    for one in report.analysis.comparisons:
        name = _named(report, one.metric, one.arm)
        rows.add_row(name, *_cells(one.raw, one.raw.p_value))
        if one.cuped:
            rows.add_row("  CUPED", *_cells(one.cuped, one.cuped.p_value, both=False))
        looks = (report.analysis.by_day or {}).get(one.arm)
        if looks and one.metric == report.declared.primary:
            last = looks[-1].always_valid
            rows.add_row("  always-valid", *_cells(last, last.p_value, both=False))
    return rows


def guardrails(report: Report) -> Table:
    """What must be shown to be no worse than tolerated."""
    rows = _table("guardrail", "lift", "interval", "tolerated", "state")
    for one in report.analysis.guardrails:
        sign = "-" if report.metrics[one.metric].better == "more" else "+"
        rows.add_row(
            _named(report, one.metric, one.arm),
            *_lift(one.estimate),
            f"{sign}{one.margin:.0%}",
            _STATES[one.state],
        )
    return rows


def slices(report: Report) -> Table:
    """The metric that decides on parts of the users; intervals hold for all of them together."""
    rows = _table("slice", "users", "lift", "interval", "p, adjusted")
    for one in report.analysis.slices:
        rows.add_row(
            _named(report, f"{one.dimension} {one.value}", one.arm),
            f"{one.num_users:,}",
            *_lift(one.estimate),
            figures.p_value(one.adjusted_p_value),
        )
    return rows


def preferences(report: Report) -> Table:
    """What users prefer who met two arms on the same pages."""
    rows = _table("interleaved", "users", "prefer it", "the other", "share", "interval", "p")
    for one in report.analysis.preferences:
        found = one.preference
        low, high = one.share_interval
        rows.add_row(
            f"{one.winner or one.second} over {one.loser or one.first}",
            f"{found.num_users:,}",
            *(f"{num:,}" for num in sorted((found.num_first, found.num_second), reverse=True)),
            f"{one.share:.1%}",
            f"\\[{low:.1%}, {high:.1%}]",
            figures.p_value(found.sign_p_value),
        )
    return rows


def verdicts(report: Report) -> Iterator[str]:
    """One sentence a treatment, and one a pair of arms that met on the same pages."""
    told = report.analysis.verdicts, report.analysis.preferences
    return (one.sentence for each in told for one in each)


def plan(found: Plan) -> Table:
    """What each lift takes, with CUPED."""
    rows = _table("lift to find", "users, both arms", "days", "in whole weeks")
    longest = len(found.days)
    for one in found.needed:
        users = "-" if math.isinf(one.num_users) else f"{one.num_users:,.0f}"
        days = f"> {longest}" if one.num_days is None else str(one.num_days)
        weeks = "" if one.num_days is None else str(7 * math.ceil(one.num_days / 7))
        rows.add_row(f"{one.lift:.0%}", users, days, weeks)
    return rows


def horizons(found: Plan) -> Table:
    """The least lift that is found, by the experiment's length."""
    rows = _table("days", "users, both arms", "least lift, raw", "with CUPED")
    for raw, cuped in zip(found.raw, found.cuped, strict=True):
        rows.add_row(
            str(raw.num_days),
            f"{raw.num_users:,}",
            figures.change(raw.detectable_lift).lstrip("+"),
            figures.change(cuped.detectable_lift).lstrip("+"),
        )
    return rows


def _table(first: str, *others: str) -> Table:
    columns = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    columns.add_column(first)
    for name in others:
        columns.add_column(name, justify="right", no_wrap=True)
    return columns


def _cells(found: Estimate, p_value: float, both: bool = True) -> tuple[str, ...]:
    sides = (found.control, found.treatment)
    values = tuple(figures.figure(side) for side in sides) if both else ("", "")
    return (*values, *_lift(found), figures.p_value(p_value))


def _lift(found: Estimate) -> tuple[str, str]:
    """Brackets are escaped, since they mean something to rich."""
    interval = figures.change_interval(found.lift_interval)
    return figures.change(found.lift), interval.replace("[", "\\[")


def _named(report: Report, name: str, arm: str) -> str:
    return f"{words(name)}, {arm}" if len(report.declared.treatments) > 1 else words(name)


def _chance(p_value: float) -> str:
    shown = figures.p_value(p_value)
    return shown if shown.startswith("<") else f"= {shown}"
