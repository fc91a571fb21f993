"""Brings a workspace up to date: runs what is due, resumes what was killed, and stops at a gate.

A day is due when anything that could matter has changed since it last went through: its logs, the
configuration, the code. This is judged coarsely, and without waking the orchestrator; the store
then judges finely what has to run again. A newer schema makes no day due: what passed the schema
of its time has passed, and what did not is due anyway.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline import logs
from pipeline.artifacts import ExampleAnomalies
from pipeline.code import code_digest
from pipeline.example_gen import source_days
from pipeline.example_validator import rows
from pipeline.orchestration import alerts
from pipeline.orchestration.display import table
from pipeline.skew_gen import reads as served_features
from pipeline.spans import days_of_logs, window
from pipeline.store import Store, Watch
from recsys.errors import BadInput, GateStopped, ModelRefused
from recsys.features.anomalies import Row
from recsys.workspace import Workspace, write_atomically


@dataclass(frozen=True)
class Due:
    """A day to run through one of Dagster's jobs."""

    day: dt.date
    job: Literal["data", "pipeline"]


Warn = Callable[[dt.date, Sequence[Row]], None]
"""Tells someone what is odd about a day that passed."""


def _warn_nobody(day: dt.date, rows: Sequence[Row]) -> None:
    pass


def plan(workspace: Workspace, first: dt.date | None, last: dt.date | None) -> list[Due]:
    """What is due so that there is a model of each day from `first` to `last`, in order.

    Args:
        workspace: logs, configuration, and what has been made already.
        first: the first day to train a model of; the last one when None.
        last: the last day to train a model of; the newest day of the logs when None.

    Raises:
        BadInput: there are no such days, or no day before them to train on.
    """
    last = last or days_of_logs(workspace)[-1]
    first = first or last
    spans = [day for day in days_of_logs(workspace) if first <= day <= last]
    if last not in spans:
        days = days_of_logs(workspace)
        raise BadInput(
            f"the logs hold the days {days[0]} to {days[-1]}, found no {last} among them: train "
            "on a day of theirs."
        )
    wanted: dict[Due, None] = {}
    for span in spans:
        train, test = window(workspace, span)
        if not train:
            raise BadInput(
                f"a model of {span} needs an earlier day to train on, found none in the logs: "
                "generate or import more days, or set examples.split."
            )
        earlier = [day for day in [*train, *test] if Due(day, "pipeline") not in wanted]
        wanted |= {Due(day, "data"): None for day in earlier if day != span}
        wanted[Due(span, "pipeline")] = None
    return list(_due(workspace, wanted))


def _due(workspace: Workspace, wanted: Iterable[Due]) -> Iterator[Due]:
    """What changed since it went through, and models that begin as one that did."""
    done, is_warm = _read_done(workspace), workspace.config.training.start == "warm"
    has_new_base = False
    for one in wanted:
        is_model = one.job == "pipeline"
        if done.get(_key(one)) != _fingerprint(workspace, one) or (is_model and has_new_base):
            yield one
            has_new_base |= is_model and is_warm


def run(workspace: Workspace, due: Sequence[Due], watch: Watch, warn: Warn = _warn_nobody) -> None:
    """Runs what is due, day after day.

    Raises:
        GateStopped: a day's data was refused, and nothing after it ran; or models were refused, and
            the days after them ran.
        BadInput: something that a person gave can't be used.
    """
    # Dagster and TensorFlow take seconds to import, and planning needs neither.
    from pipeline.orchestration import jobs

    store = Store(workspace, watch)
    store.sweep()
    whole = jobs.definitions(store)
    refused: list[ModelRefused] = []
    with jobs.run_history(workspace) as history:
        for one in due:
            try:
                with _alerting(workspace, one.day), _gate_of_data(store, one.day):
                    jobs.execute(history, whole, one.job, one.day)
            except ModelRefused as stop:
                refused.append(stop)
            else:
                _write_done(workspace, [one, Due(one.day, "data")])
            odd = rows(store.current(ExampleAnomalies, one.day))
            if odd:
                warn(one.day, odd)
    if refused:
        reasons = [reason for stop in refused for reason in stop.reasons]
        raise GateStopped("\n".join(str(stop) for stop in refused), reasons)


@contextlib.contextmanager
def _alerting(workspace: Workspace, day: dt.date) -> Iterator[None]:
    """Tells whom the configuration names that a gate stopped the day."""
    from recsys import pushes

    try:
        yield
    except GateStopped as stop:
        span, root, serving = day.isoformat(), str(workspace.root), pushes.current(workspace)
        told = alerts.Stop(span, str(stop), stop.reasons, root, serving)
        alerts.send(workspace.config.alerts, told)
        raise


@contextlib.contextmanager
def _gate_of_data(store: Store, day: dt.date) -> Iterator[None]:
    """Says in words why Dagster did not go on behind the gate of the day's data."""
    from dagster import DagsterError

    from recsys.pushes import serving

    try:
        yield
    except DagsterError:
        judged = store.current(ExampleAnomalies, day)
        found = rows(judged)
        errors = [f"{row.name}: {row.description}" for row in found if row.severity == "error"]
        if not errors:
            raise
        raise GateStopped(
            f"the data of {day} was stopped before training:\n{table(found)}\n"
            f"{store.workspace.reports / judged.published_as} shows the whole day. "
            f"{serving(store.workspace)} `recsys schema diff` shows what a person may approve.",
            errors,
        ) from None


def _fingerprint(workspace: Workspace, due: Due) -> str:
    """What a day's run depends on, at the coarsest."""
    days = [due.day]
    if due.job == "pipeline":
        days = [day for part in window(workspace, due.day) for day in part]
    read = [
        [*logs.references(workspace, source_days(workspace, day)), *served_features(workspace, day)]
        for day in days
    ]
    parts = [code_digest("pipeline.graph"), workspace.config.digest(), read]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _key(due: Due) -> str:
    return f"{due.job} {due.day}"


def _read_done(workspace: Workspace) -> dict[str, str]:
    """The fingerprint with which each day last went through."""
    path = workspace.artifacts / ".done.json"
    done: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return done


def _write_done(workspace: Workspace, due: Sequence[Due]) -> None:
    done = _read_done(workspace) | {_key(one): _fingerprint(workspace, one) for one in due}
    path = workspace.artifacts / ".done.json"
    write_atomically(path, json.dumps(done, indent=0).encode())
