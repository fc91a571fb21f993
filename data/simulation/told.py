"""A finished simulation in figures: users and installs by arm, and how far arms are apart that the
same users lived in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich import box
from rich.table import Table

from data.simulation.running import Plan, Totals, of_arm
from recsys.experiments.estimates import Estimate
from recsys.experiments.pairs import paired
from recsys.experiments.stored import DailyTable, Simulated

_SUMMED = ("pages", "impressions", "clicks", "installs", "uninstalls")


def by_arm(plan: Plan, out: Path) -> dict[str, dict[str, float]]:
    """Users, and sums over the experiment's days, of each arm."""
    names = plan.crowd.experiment.arms
    if plan.crowd.is_common:
        tables = {name: _read(of_arm(out, name), plan.days) for name in names}
    else:
        met = _read(Simulated(out).exposures, plan.days)
        arms = met.group_by("user_id").aggregate([("arm", "min")])
        rows = _read(Simulated(out).outcomes, plan.days).join(arms, "user_id")
        tables = {name: rows.filter(pc.equal(rows["arm_min"], name)) for name in names}
    return {
        arm: {
            "users": pc.count_distinct(rows["user_id"]).as_py(),
            **{name: float(pc.sum(rows[name]).as_py() or 0) for name in _SUMMED},
        }
        for arm, rows in tables.items()
    }


def lifts(plan: Plan, out: Path) -> dict[str, Estimate]:
    """How far each treatment's installs a user are from the control's, where the same users lived
    in all arms; nothing where they didn't."""
    if not plan.crowd.is_common:
        return {}
    experiment = plan.crowd.experiment
    sums = {name: _by_user(_read(of_arm(out, name), plan.days)) for name in experiment.arms}
    users = sorted(set().union(*sums.values()))
    of = {arm: np.array([known.get(user, 0.0) for user in users]) for arm, known in sums.items()}
    return {
        arm: paired(of[experiment.control], of[arm], 1 - experiment.alpha)
        for arm in experiment.treatments
    }


def table(figures: Mapping[str, Mapping[str, float]], found: Mapping[str, Estimate]) -> Table:
    """A row an arm."""
    rows = Table(title="What users did at home, by arm: simulated", box=box.SIMPLE)
    shown = ("users", "pages", "installs")
    last = "lift, paired" if found else "installs a user"
    for number, heading in enumerate(("arm", *shown, last)):
        rows.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for arm, sums in figures.items():
        told = _lift(found[arm]) if arm in found else ""
        a_user = f"{sums['installs'] / max(sums['users'], 1):.4f}"
        rows.add_row(arm, *(f"{sums[name]:,.0f}" for name in shown), told if found else a_user)
    return rows


def memory(totals: Totals) -> str:
    """What its processes have held, which must not grow with the days."""
    if not totals.peak_mib_by_day:
        return "no day was left to live"
    first, last = totals.peak_mib_by_day[0], totals.peak_mib_by_day[-1]
    return f"{first:,.0f} MiB at most in a process by the end of the first, {last:,.0f} of the last"


def as_json(
    plan: Plan,
    totals: Totals,
    figures: Mapping[str, Mapping[str, float]],
    found: Mapping[str, Estimate],
) -> dict[str, Any]:
    """The same for whoever reads no tables."""
    return {
        "experiment": plan.crowd.name,
        "days": totals.days,
        "days_before": totals.days_before,
        "requests": totals.requests,
        "seconds": round(totals.seconds, 3),
        "requests_per_s": round(totals.requests_per_s),
        "peak_mib_by_day": [round(peak) for peak in totals.peak_mib_by_day],
        "arms": figures,
        "paired": {
            arm: {"lift": one.lift, "lift_interval": one.lift_interval, "p_value": one.p_value}
            for arm, one in found.items()
        },
    }


def _lift(one: Estimate) -> str:
    low, high = one.lift_interval
    return f"{one.lift:+.2%} \\[{low:+.2%}, {high:+.2%}]"


def _read(daily: DailyTable, days: Sequence[dt.date]) -> Any:
    files = [path for day in days for path in daily.files(day)]
    return pa.concat_tables([pq.read_table(path, partitioning=None) for path in files])


def _by_user(rows: Any) -> dict[str, float]:
    sums = rows.group_by("user_id").aggregate([("installs", "sum")])
    return dict(zip(sums["user_id"].to_pylist(), sums["installs_sum"].to_pylist(), strict=True))
