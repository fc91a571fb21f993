"""Bad candidate models, each refused by the gate that is there for it, and honest ones, blessed.

A store's last five days are trained by `recsys run`, one after the other. Then each bad model is
made for the newest day, in a copy of the workspace in which the day before's bundle serves, and
`recsys run` judges it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from loadtests.artifacts import artifact
from loadtests.bad_models import BAD_MODELS, BadModel, forget_behind
from loadtests.steps import step, tried
from recsys import pushes
from recsys.features import anomalies
from recsys.workspace import Workspace

COMMAND = "recsys bench models"

BLESSED = "blessed"
_NUM_HONEST = 5
_VERDICTS = {"infra_validator": "blessing.json", "evaluator": "evaluation.json"}
_STOPPED_BY_GATE = 1
_AT_ONCE = min(2, os.cpu_count() or 1)
"""Each takes a core for most of its time, and a server's latency is measured beside them."""
_GROWS = ".jsonl"
_LEFT_BEHIND = shutil.ignore_patterns(".staged-*", ".lock")
_MOST_TOLD = 3


@dataclass(frozen=True)
class Judged:
    """What became of a candidate model."""

    name: str
    expected: str
    """The gate that should refuse it, or `blessed`."""
    verdict: str
    """The gate that refused it, or `blessed`; else what the run ended with."""
    reasons: Sequence[str]
    verdict_as_expected: bool
    """The verdict is the expected one, and a reason says what is wrong with the model."""


def bench(preset: str) -> dict[str, Any]:
    """Makes and judges honest and bad models; returns `models`, a `Judged` each.

    Raises:
        GateStopped: a step that should succeed failed.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-models-") as scratch:
        store = Workspace(Path(scratch) / "store")
        step("A store's days", "data", "generate", "--preset", preset, workspace=store.root)
        *days, newest = store.days("requests")[-_NUM_HONEST:]
        with _progress(_NUM_HONEST + len(BAD_MODELS)) as seen:
            judged = [seen(_honest(store, day)) for day in [*days, newest]]
            pushes.roll_back(store, None, "the bad models are held against the day before's")
            with ThreadPoolExecutor(_AT_ONCE) as at_once:
                bad = at_once.map(partial(_bad, store, newest), BAD_MODELS)
                judged += [seen(one) for one in bad]
    return {"models": [asdict(one) for one in judged]}


def table(figures: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    rows = [
        [
            model["name"],
            _gate(model["expected"]),
            _gate(model["verdict"]) if model["verdict_as_expected"] else f"**{model['verdict']}**",
            "<br>".join(reason.replace("|", "\\|") for reason in model["reasons"][:_MOST_TOLD]),
        ]
        for model in figures["models"]
    ]
    header = ["candidate model", "expected", "verdict", "reasons"]
    return f"{report.markdown(header, rows)}\n\n{summary(figures)}"


def shown(figures: Mapping[str, Any]) -> Group:
    """The figures for a terminal."""
    whole = Table("candidate model", "verdict", "reason", box=SIMPLE)
    whole.columns[0].no_wrap = True
    for model in figures["models"]:
        is_good = model["verdict_as_expected"]
        verdict = Text(_gate(model["verdict"]), "green" if is_good else "bold red")
        whole.add_row(model["name"], verdict, escape(model["reasons"][0]))
    return Group(whole, Text(summary(figures)))


def summary(figures: Mapping[str, Any]) -> str:
    """How many verdicts were as expected."""
    models = figures["models"]
    num = sum(model["verdict_as_expected"] for model in models)
    return f"{num} of {len(models)} verdicts as expected."


def judge(model: BadModel, verdict: str, reasons: Sequence[str]) -> Judged:
    """Whether a bad model was refused by the right gate, and for the right reason."""
    is_said = any(model.because in reason for reason in reasons)
    as_expected = verdict == model.stopped_by and is_said
    return Judged(model.name, model.stopped_by, verdict, reasons, as_expected)


def _honest(store: Workspace, day: dt.date) -> Judged:
    tried("run", "--to", day.isoformat(), workspace=store.root)
    verdict, reasons = verdict_on(store, day)
    return Judged(f"honest, {day}", BLESSED, verdict, reasons, verdict == BLESSED)


def _bad(store: Workspace, day: dt.date, model: BadModel) -> Judged:
    copy = linked(store, store.root.with_name(model.name.replace(" ", "-")))
    forget_behind(copy, day, "bundle_gen")
    model.harm(copy, day)
    before = pushes.current(copy)
    ran = tried("run", workspace=copy.root)
    verdict, reasons = verdict_on(copy, day)
    is_as_before = ran.returncode == _STOPPED_BY_GATE and pushes.current(copy) == before
    if verdict == BLESSED or not is_as_before:
        verdict = f"{verdict}, exit code {ran.returncode}"
        reasons = reasons or [(ran.stderr or ran.stdout).strip().rpartition("\n")[2]]
    shutil.rmtree(copy.root)
    return judge(model, verdict, reasons)


def linked(store: Workspace, root: Path) -> Workspace:
    """A copy of what a run reads. Files are only ever replaced, so links do, but for those that
    grow."""

    def link(source: str, target: str) -> None:
        how = shutil.copy2 if source.endswith(_GROWS) else os.link
        how(source, target)

    for folder in (store.logs, store.schema, store.artifacts, store.bundles):
        if folder.exists():
            target = root / folder.name
            shutil.copytree(folder, target, copy_function=link, ignore=_LEFT_BEHIND)
    shutil.copy2(store.config_file, root)
    return Workspace(root)


def verdict_on(workspace: Workspace, day: dt.date) -> tuple[str, list[str]]:
    """Which gate refused a day's model and why; or that it was blessed, and on what grounds. Days
    after it count for nothing, validated or not."""
    for validated in workspace.days("requests"):
        if validated <= day and (errors := _errors(workspace, validated)):
            return "example_validator", errors
    reasons: list[str] = []
    for component, file in _VERDICTS.items():
        if not (workspace.artifacts / component / day.isoformat()).exists():
            return f"no {component}", []
        folder, _ = artifact(workspace, component, day)
        said = json.loads((folder / file).read_text())["verdict"]
        if not said["blessed"]:
            return component, said["reasons"]
        reasons += said["reasons"]
    return BLESSED, reasons


def _errors(workspace: Workspace, day: dt.date) -> list[str]:
    """The anomalies that stopped a day's data."""
    folder, _ = artifact(workspace, "example_validator", day)
    rows = anomalies.rows(anomalies.load(folder / "anomalies.pbtxt"))
    return [f"{day}, {row.name}: {row.description}" for row in rows if row.severity == "error"]


def _gate(verdict: str) -> str:
    return verdict if verdict == BLESSED else f"refused by {verdict}"


@contextlib.contextmanager
def _progress(count: int) -> Iterator[Callable[[Judged], Judged]]:
    """A bar on standard error, which each verdict moves on."""
    console = Console(stderr=True)
    columns = (TextColumn("models"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=count)

        def seen(one: Judged) -> Judged:
            progress.advance(task)
            return one

        yield seen
