"""Faults of the systems upstream, each let happen to a day of its own copy of a store: does the
run stop before training, and what does it name? And does it let clean days pass?"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console, Group
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from loadtests import report
from loadtests.steps import asked, step, tried
from recsys import pushes
from recsys.features import anomalies
from recsys.features.anomalies import Row
from recsys.workspace import Workspace

COMMAND = "recsys bench faults"

_GATE = "example_validator"
_BEFORE_GATE = ("example_gen", "statistics_gen", "schema_gen")
_BEHIND_GATE = ("transform", "trainer_retrieval", "trainer_ranking", "bundle_gen", "evaluator")
_STOPPED_BY_GATE = 1
_AT_ONCE = min(4, os.cpu_count() or 1)
"""Runs at a time: each spends most of it on importing TensorFlow, on one core."""


@dataclass(frozen=True)
class Verdict:
    """What became of a fault."""

    name: str
    caught: bool
    """The gate stopped the run before anything was trained, what served serves on, and an error
    names a feature that the fault touched."""
    anomaly: str
    """The one that says most, `feature: what is wrong`; else what the run ended with."""
    severity: str
    proposed_fix: str
    stopped_at: str
    """The component behind which nothing ran; empty where everything did."""
    also: Sequence[str]
    """The day's other anomalies, `feature: in short`."""


def bench(preset: str) -> dict[str, Any]:
    """Serves a bundle of a clean store, and then lets every fault happen to the day after.

    Returns:
        `faults`, a `Verdict` each; `clean_days`, the number of days that were validated before;
        `false_alarms`, the number of their anomalies, errors or warnings; `alarms`, these.

    Raises:
        GateStopped: a clean day was stopped, or another step failed.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-faults-") as scratch:
        store = Workspace(Path(scratch) / "store")
        generate = ("data", "generate", "--preset", preset)
        step("A store's clean days", *generate, workspace=store.root)
        *_, before, day = store.days("requests")
        step("A bundle that serves", "run", "--to", before.isoformat(), workspace=store.root)
        # The first day is what the schema was inferred from.
        clean = [each for each in store.days("requests")[1:] if each <= before]
        alarms = [f"{each} {_told(row)}" for each in clean for row in _rows(store, each)]
        faults = asked("data", "break", workspace=store.root)
        with ThreadPoolExecutor(_AT_ONCE) as at_once:
            running = at_once.map(partial(_let_happen, store, day), faults)
            verdicts = list(_shown(running, len(faults)))
    return {
        "faults": [asdict(verdict) for verdict in verdicts],
        "clean_days": len(clean),
        "false_alarms": len(alarms),
        "alarms": alarms,
    }


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["fault", "caught", "anomaly", "severity", "proposed fix", "stopped at"]
    rows = [
        [
            fault["name"],
            "yes" if fault["caught"] else "**no**",
            fault["anomaly"],
            fault["severity"],
            fault["proposed_fix"],
            fault["stopped_at"] or "nowhere",
        ]
        for fault in figures["faults"]
    ]
    return "\n\n".join([report.markdown(header, rows), *_summary(figures)])


def shown(figures: Mapping[str, Any]) -> Group:
    """The figures for a terminal."""
    whole = Table("fault", "caught", "stopped at", "anomaly -> what would settle it", box=SIMPLE)
    for column in whole.columns[:-1]:
        column.no_wrap = True
    for fault in figures["faults"]:
        caught = Text("yes", "green") if fault["caught"] else Text("no", "bold red")
        told = escape(fault["anomaly"]) + (f"\n[dim]-> {escape(fault['proposed_fix'])}[/dim]")
        where = fault["stopped_at"] or "nowhere"
        whole.add_row(fault["name"], caught.append(f", {fault['severity']}"), where, told)
    return Group(whole, *(Text(line) for line in _summary(figures)))


def _summary(figures: Mapping[str, Any]) -> list[str]:
    num_caught = sum(fault["caught"] for fault in figures["faults"])
    return [
        f"{num_caught} of {len(figures['faults'])} faults caught before training. False alarms on "
        f"{figures['clean_days']} clean days: {figures['false_alarms']}.",
        *figures["alarms"],
    ]


@dataclass(frozen=True)
class Run:
    """A run over a broken day."""

    exit_code: int
    last_words: str
    """The last line of standard error."""
    rows: Sequence[Row]
    """The anomalies of the day that was stopped, else of the broken day."""
    stopped_at: str
    is_as_before: bool
    """Nothing was trained, and the same bundle serves."""


def judge(fault: Mapping[str, Any], run: Run) -> Verdict:
    """Whether a run over a day that a fault happened to caught it."""

    touches = list(fault["touches"])

    def place(row: Row) -> int:
        return touches.index(row.name) if row.name in touches else len(touches)

    rows = sorted(run.rows, key=lambda row: (row.severity != "error", place(row)))
    main = rows[0] if rows else None
    is_named = main is not None and main.severity == "error" and main.name in touches
    return Verdict(
        name=fault["name"],
        caught=run.exit_code == _STOPPED_BY_GATE and run.is_as_before and is_named,
        anomaly=_told(main) if main else run.last_words,
        severity=main.severity if main else "",
        proposed_fix=main.remedy if main else "",
        stopped_at=run.stopped_at,
        also=[f"{row.name}: {row.short}" for row in rows[1:]],
    )


def _shown(verdicts: Iterable[Verdict], num_faults: int) -> Iterator[Verdict]:
    """The verdicts as they come, with a bar on standard error."""
    console = Console(stderr=True)
    columns = (TextColumn("faults"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=num_faults)
        for verdict in verdicts:
            progress.advance(task)
            yield verdict


def _let_happen(store: Workspace, day: dt.date, fault: Mapping[str, Any]) -> Verdict:
    copy = Workspace(store.root.with_name(fault["name"]))
    arguments = (fault["name"], "--day", day.isoformat(), "--to", str(copy.root))
    asked("data", "break", *arguments, workspace=store.root)
    done = tried("run", workspace=copy.root)
    rows = _rows_of_stopped_day(copy, store.days("requests"), day)
    run = Run(
        exit_code=done.returncode,
        last_words=(done.stderr or done.stdout).strip().rpartition("\n")[2],
        rows=rows,
        stopped_at=_stopped_at(copy, day, rows) if done.returncode else "",
        is_as_before=_trained_and_serving(copy) == _trained_and_serving(store),
    )
    shutil.rmtree(copy.root)
    return judge(fault, run)


def _rows_of_stopped_day(
    workspace: Workspace, days: Sequence[dt.date], broken: dt.date
) -> list[Row]:
    """The anomalies of the first day that has an error, since a slow fault may be seen before its
    last day; those of the broken day where none has."""
    by_day = {day: _rows(workspace, day) for day in days}
    return next((rows for rows in by_day.values() if _has_error(rows)), by_day[broken])


def _stopped_at(workspace: Workspace, day: dt.date, rows: Sequence[Row]) -> str:
    """The gate, or else the first component that left nothing for the day."""
    if _has_error(rows):
        return _GATE
    components = (*_BEFORE_GATE, _GATE, *_BEHIND_GATE)
    missing = (name for name in components if _artifact(workspace, name, day) is None)
    return next(missing, "pusher")


def _has_error(rows: Sequence[Row]) -> bool:
    return any(row.severity == "error" for row in rows)


def _rows(workspace: Workspace, day: dt.date) -> list[Row]:
    """The anomalies of a day; none where it was not validated."""
    artifact = _artifact(workspace, _GATE, day)
    return anomalies.rows(anomalies.load(artifact / "anomalies.pbtxt")) if artifact else []


def _artifact(workspace: Workspace, component: str, day: dt.date) -> Path | None:
    """What a component made last for a day."""
    folder = workspace.artifacts / component / day.isoformat()
    current = folder / "CURRENT"
    return folder / current.read_text().strip() if current.exists() else None


def _trained_and_serving(workspace: Workspace) -> tuple[int, str | None]:
    return len(list(workspace.artifacts.glob("trainer_*/*/*/"))), pushes.current(workspace)


def _told(row: Row) -> str:
    return f"{row.name}: {row.description}"
