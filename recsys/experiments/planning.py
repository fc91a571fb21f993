"""How long an experiment has to run, by what its users did on days gone by."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
from pydantic import TypeAdapter

from recsys import engine
from recsys.config import Experiment, Metric
from recsys.errors import BadInput
from recsys.experiments import logged, metrics, power
from recsys.experiments.declared import declared
from recsys.experiments.observed import Observed, observed
from recsys.experiments.power import Horizon
from recsys.experiments.tables import EXPOSURES
from recsys.workspace import Workspace

LIFTS = (0.01, 0.02, 0.05)
"""Those that are told of."""
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Needed:
    """What finds a lift with chance `recsys.experiments.power.POWER`."""

    lift: float
    num_users: float
    """In the control and one treatment together, each seen for as long as the plan is."""
    num_days: int | None
    """Until they have come; None where the plan is too short to tell."""


@dataclass(frozen=True)
class Plan:
    """What an experiment would find, of days gone by; with CUPED where users have a past."""

    experiment: str
    metric: str
    days: Sequence[dt.date]
    """Those that stand for the experiment's."""
    num_days_before: int
    """Those that stand for the days before it."""
    raw: Sequence[Horizon]
    """By its length, without CUPED."""
    cuped: Sequence[Horizon]
    needed: Sequence[Needed]
    """For each of `LIFTS`, with CUPED."""

    def values(self) -> dict[str, Any]:
        """As JSON values; null stands where a figure is infinite."""
        values: dict[str, Any] = json.loads(_VALUES.dump_json(self))
        return values


_VALUES = TypeAdapter(Plan)


def planned(workspace: Workspace, name: str, until: dt.date | None = None) -> Plan:
    """Plans an experiment by the last days of the workspace's logs.

    Those stand for its days, and the days before them for the days before it. Where the logs are
    shorter than both, they are cut in half.

    Args:
        workspace: has the logs.
        name: the experiment's.
        until: the last day to go by; None for the last one of the logs.

    Raises:
        BadInput: it isn't declared, there are no logs, a column is missing, or the metric that
            decides is a quantile.
    """
    config = workspace.config
    experiment = declared(config, name)
    metric = metrics.named(experiment.primary, config.metrics)
    if metric.quantile:
        raise BadInput(
            f"experiment {name!r} is decided by {experiment.primary}, a quantile, expected a mean "
            "or a ratio: a quantile's power is not known beforehand."
        )
    days = _unbroken([day for day in workspace.days("requests") if until is None or day <= until])
    if not days:
        raise BadInput(
            f"{workspace.logs} has no requests{f' up to {until}' if until else ''}, expected days "
            "to plan by: bring logs by `recsys data import`, or `recsys data generate`."
        )
    num_before = min(experiment.covariate_days, len(days) // 2)
    window = days[num_before:][-experiment.horizon_days :]
    earlier = days[: -len(window)][-num_before:] if num_before else []
    past = _past(workspace, name, experiment, earlier, window)
    metrics.columns_are_there({experiment.primary: metric}, past.daily)
    return _plan(name, experiment, metric, past, len(earlier))


def _plan(
    name: str, experiment: Experiment, metric: Metric, past: Observed, num_before: int
) -> Plan:
    cuped = power.plan(past, metric, experiment)
    return Plan(
        experiment=name,
        metric=experiment.primary,
        days=past.days,
        num_days_before=num_before,
        raw=power.plan(past, metric, experiment, with_past=False),
        cuped=cuped,
        needed=[
            Needed(
                lift=lift,
                num_users=power.users_needed(past, metric, experiment, lift),
                num_days=power.days_needed(cuped, lift),
            )
            for lift in LIFTS
        ],
    )


def _past(
    workspace: Workspace,
    name: str,
    experiment: Experiment,
    earlier: Sequence[dt.date],
    window: Sequence[dt.date],
) -> Observed:
    """Days gone by, as if all eligible users had been in the control since the first of these days
    on which they asked."""
    settings = workspace.config.engine
    asked = _eligible(workspace, experiment, window)
    exposed = asked.group_by("user_id").agg(time=asked.time.min())
    rows = exposed.mutate(
        experiment=ibis.literal(name),
        arm=ibis.literal(experiment.control),
        bundle=ibis.null("string"),
    )
    exposures = engine.to_arrow(settings, rows.select(*EXPOSURES.names)).cast(EXPOSURES)
    if not len(exposures):
        raise BadInput(
            f"nobody who asked from {window[0]} to {window[-1]} is eligible for experiment "
            f"{name!r}, expected some: widen its `eligible` or `users`."
        )
    done = logged.outcomes(workspace, [*earlier, *window]).semi_join(exposed, "user_id")
    unsliced = experiment.model_copy(update={"slices": (), "horizon_days": len(window)})
    return observed(name, unsliced, exposures, engine.to_arrow(settings, done))


def _eligible(workspace: Workspace, experiment: Experiment, days: Sequence[dt.date]) -> ir.Table:
    """The requests that would have been served by the experiment: by the request's own columns, or
    by those of the user's snapshot."""
    asked = engine.read_days(workspace, "requests", days)
    snapshots = [day for day in workspace.days("users") if day <= days[0]]
    users = engine.read_days(workspace, "users", snapshots[-1:])
    if experiment.users == "known":
        asked = asked.semi_join(users, "user_id")
    if experiment.users == "new":
        asked = asked.anti_join(users, "user_id")
    for column, values in experiment.eligible.items():
        if column in asked.columns:
            asked = asked.filter(asked[column].isin(values))
        elif column in users.columns:
            asked = asked.semi_join(users.filter(users[column].isin(values)), "user_id")
        else:
            raise BadInput(
                f"eligible names the column {column!r}, expected one of the requests or the users "
                f"in {workspace.logs}: log it, or take it out."
            )
    return asked


def _unbroken(days: Sequence[dt.date]) -> list[dt.date]:
    """The last days, back to the first one that is missing."""
    num = len(days)
    return [day for place, day in enumerate(days) if day + (num - 1 - place) * _DAY == days[-1]]
