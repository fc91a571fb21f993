"""What the experiments that ship found, as a table and in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests import report

Figures = Mapping[str, Any]

_THEME = "experiments"
_HEADER = [
    *("experiment", "arm against control", "installs a user: lift", "with CUPED"),
    *("there was to find", "verdict", "users, days", "seconds"),
    *("requests/s", "MiB by day 1, by the last"),
]


def table(found: Mapping[str, Figures]) -> str:
    """A row an arm, in Markdown."""
    rows = [row for name, one in found.items() for row in _rows(name, one)]
    return (
        f"{report.markdown(_HEADER, rows)}\n\nSimulated: users of a synthetic store, whose truth "
        "is known. `There was to find`: users who live in all arms at once with the same luck. "
        "Intervals hold 95 %. Seconds are of living and analysing; training comes before it. "
        "Interleaved: of the users who prefer one of two arms on the same pages, those who "
        "prefer the winner. Requests/s are of living alone. MiB: the most memory that any one of "
        "the simulation's processes had held by the end of the first day, and of the last."
    )


def write(found: Mapping[str, Figures]) -> Path:
    """Adds what was found to the results, beside experiments that were run before."""
    before = report.RESULTS / f"{_THEME}.json"
    known = json.loads(before.read_text())["experiments"] if before.exists() else {}
    whole = dict(sorted({**known, **found}.items()))
    return report.write(_THEME, "recsys ab run", {"experiments": whole}, table(whole))


def _rows(name: str, one: Figures) -> list[list[str]]:
    peaks = one["peak_mib_by_day"]
    ran = [
        f"{one['num_users']:,}, {one['num_days']}",
        f"{one['seconds']:.0f}",
        f"{one['requests_per_s']:,}",
        f"{peaks[0]:,}, {peaks[-1]:,}",
    ]
    if one["withheld"]:
        return [[f"`{name}`", "", "", "", "", one["withheld"], *ran]]
    return [
        [
            f"`{name}`",
            f"{arm['arm']} against {arm['control']}",
            *(_lift(arm[way]) for way in ("raw", "cuped", "there_was")),
            arm["decision"],
            *ran,
        ]
        for arm in one["arms"]
    ] + [
        [
            f"`{name}`",
            f"{both['first']} and {both['second']}, interleaved",
            *(_share(both), "", ""),
            "prefers one" if both["is_decided"] else "no difference",
            *ran,
        ]
        for both in one["preferences"]
    ]


def _share(both: Figures) -> str:
    if not both["winner"]:
        return ""
    low, high = both["share_interval"]
    return f"{both['share']:.1%} [{low:.1%}, {high:.1%}] prefer {both['winner']}"


def _lift(one: Figures | None) -> str:
    if one is None or one["lift"] is None:
        return ""
    low, high = one["lift_interval"]
    return f"{one['lift']:+.1%} [{low:+.1%}, {high:+.1%}]"
