"""What an experiment is analysed from: its simulation where there is one, else the logs of the
workspace. Either comes as the same tables, and of the exposed users alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ibis.expr.types as ir
import pyarrow as pa

from recsys import engine
from recsys.config import Experiment
from recsys.errors import BadInput
from recsys.experiments import given, logged
from recsys.experiments.stored import Simulated, logged_exposures
from recsys.experiments.tables import EXPOSURES, OUTCOMES
from recsys.workspace import Workspace

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Source:
    """An experiment's tables."""

    exposures: pa.Table
    """As `recsys.experiments.tables.EXPOSURES`: a row a user, arm and bundle, the first time."""
    outcomes: pa.Table
    """As `OUTCOMES` there."""
    users: pa.Table | None
    """`user_id` and those of the columns to slice by that are known; None where there are none to
    slice by."""
    simulation: Mapping[str, Any] | None
    """What is noted of the simulation; None for a real experiment."""


def read(
    workspace: Workspace,
    name: str,
    experiment: Experiment,
    exposures: Path | None = None,
    outcomes: Path | None = None,
    until: dt.date | None = None,
) -> Source:
    """Reads an experiment.

    Args:
        workspace: where simulations and logs are.
        name: the experiment's.
        experiment: what it is.
        exposures: a file or a folder, in place of what the workspace has.
        outcomes: the same.
        until: the last day to read; None for all.

    Raises:
        BadInput: nobody was exposed, a day is missing, or a column is.
    """
    place = _place(workspace, name, exposures, outcomes)
    settings = workspace.config.engine
    exposed = _exposed(workspace, name, place.exposures, until)
    rows = engine.to_arrow(settings, exposed).cast(EXPOSURES)
    if not len(rows):
        raise BadInput(
            f"{place.exposures} has no exposure to experiment {name!r}"
            f"{f' up to {until}' if until else ''}, expected a row a user: check the name and the "
            "day."
        )
    start = min(rows["time"].to_pylist()).date()
    horizon = start + (experiment.horizon_days - 1) * _DAY
    span = _Span(start - experiment.covariate_days * _DAY, start, min(horizon, until or horizon))
    parts = _outcomes(workspace, place.outcomes, span)
    found = [engine.to_arrow(settings, part.semi_join(exposed, "user_id")) for part in parts]
    return Source(
        exposures=rows,
        outcomes=pa.concat_tables(found, promote_options="permissive"),
        users=_users(workspace, place.users, exposed, experiment.slices, start),
        simulation=place.simulation,
    )


class _Place(NamedTuple):
    exposures: Path
    outcomes: Path | None
    """None for the daily logs."""
    users: Path | None
    """None for the snapshots of the logs."""
    simulation: Mapping[str, Any] | None


class _Span(NamedTuple):
    begin: dt.date
    """Of the days before the experiment."""
    start: dt.date
    last: dt.date


def _place(
    workspace: Workspace, name: str, exposures: Path | None, outcomes: Path | None
) -> _Place:
    simulated = Simulated(exposures.parent) if exposures else Simulated.of(workspace, name)
    description = simulated.description()
    if exposures is None and not simulated.exposures.days():
        return _Place(logged_exposures(workspace).folder, outcomes, None, None)
    if outcomes is None and (exposures is None or description is not None):
        outcomes = simulated.outcomes.folder
    users = simulated.users if simulated.users.exists() else None
    return _Place(exposures or simulated.exposures.folder, outcomes, users, description)


def _exposed(workspace: Workspace, name: str, where: Path, until: dt.date | None) -> ir.Table:
    """The first time that each user was served by an arm and a bundle."""
    if not where.exists():
        raise BadInput(
            f"{where} does not exist, expected the exposures of experiment {name!r}: serve it with "
            f"[experiments.{name}] in recsys.toml, or `recsys ab simulate {name}`."
        )
    rows = given.table(workspace.config.engine, where, EXPOSURES)
    if "bundle" not in rows.columns:
        rows = rows.mutate(bundle=None)
    rows = rows.mutate(bundle=rows.bundle.cast("string")).filter(rows.experiment == name)
    if until:
        rows = rows.filter(rows.time.date() <= until)
    first = rows.group_by("user_id", "experiment", "arm", "bundle").agg(time=rows.time.min())
    return first.select(*EXPOSURES.names)


def _outcomes(workspace: Workspace, where: Path | None, span: _Span) -> Sequence[ir.Table]:
    """The tables that cover the span: those given, and the logs for the days before them."""
    parts, covered = [], set[dt.date]()
    if where is not None:
        rows = given.table(workspace.config.engine, where, OUTCOMES)
        parts.append(rows.filter(rows.day.between(span.begin, span.last)))
        covered.update(given.days(workspace.config.engine, where, rows))
    logs = [
        day
        for day in workspace.days("requests")
        if span.begin <= day <= span.last and (where is None or day < min(covered, default=day))
    ]
    _all_are_there(span, {*covered, *logs}, where or workspace.logs)
    return [*parts, logged.outcomes(workspace, logs)] if logs else parts


def _all_are_there(span: _Span, covered: set[dt.date], where: Path) -> None:
    """No day of the experiment is missing, up to the last one that there is."""
    end = min(span.last, max(covered, default=span.start - _DAY))
    if end < span.start:
        raise BadInput(
            f"{where} has no day from {span.start} on, when experiment began, expected its "
            "outcomes: wait until the day is published, or name them by --outcomes."
        )
    days = [span.start + place * _DAY for place in range((end - span.start).days + 1)]
    missing = [str(day) for day in days if day not in covered]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise BadInput(
            f"{where} lacks {', '.join(missing[:3])}{more}, expected every day from {span.start} "
            f"to {end}: bring them, or analyse --until the day before."
        )


def _users(
    workspace: Workspace,
    where: Path | None,
    exposed: ir.Table,
    columns: Sequence[str],
    start: dt.date,
) -> pa.Table | None:
    """The file's, else the last snapshot's up to the experiment's first day, or the first after."""
    if not columns:
        return None
    if where is not None:
        found = engine.read_parquet(workspace.config.engine, [where])
    else:
        days = workspace.days("users")
        before = [day for day in days if day <= start]
        found = engine.read_days(workspace, "users", before[-1:] or days[:1])
    known = [name for name in columns if name in found.columns]
    rows = found.semi_join(exposed, "user_id").select("user_id", *known)
    return engine.to_arrow(workspace.config.engine, rows)
