"""From a workspace, the name of an experiment in it and a person's wishes to a plan."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from data.generate import world_of
from data.simulation.running import Plan, Totals
from data.simulation.shards import Crowd
from recsys import pushes
from recsys.config import Arm, Config, Experiment
from recsys.errors import BadInput
from recsys.experiments.stored import Simulated
from recsys.workspace import Workspace

_DAY = dt.timedelta(days=1)


def planned(
    workspace: Workspace,
    name: str,
    num_days: int,
    num_users: int | None,
    first_day: dt.date | None,
    is_common: bool,
) -> Plan:
    """What a simulation is to be.

    Args:
        workspace: its configuration declares the experiment; its logs were generated.
        name: the experiment's.
        num_days: how long it lasts.
        num_users: the first of the logs' users; where they are fewer, another population of the
            same store. All of the logs' users if None.
        first_day: the day after the logs if None.
        is_common: whether everybody lives in every arm.

    Raises:
        BadInput: there is no such experiment, or there are no generated logs up to the first day.
    """
    name, experiment = declared(workspace.config, name)
    world = world_of(workspace).config
    after = workspace.days("outcomes")[-1] + _DAY
    first = first_day or after
    if not world.first_day <= first <= after:
        raise BadInput(
            f"the first day is {first}, expected one from {world.first_day} to {after}, the day "
            "after the logs: bundles know nothing of later ones."
        )
    config, num = workspace.config, num_users or world.num_users
    if num > world.num_users:
        more = world.model_copy(update={"num_users": num})
        config = config.model_copy(update={"world": more})
    crowd = Crowd(config, name, experiment, num, is_common)
    return Plan(workspace, crowd, first, num_days, pushes.current(workspace))


def declared(config: Config, name: str) -> tuple[str, Experiment]:
    """The experiment of that name; the only one if the name is empty.

    Raises:
        BadInput: there is none, or there are several and none is named.
    """
    if not name and len(config.experiments) == 1:
        [name] = config.experiments
    if name not in config.experiments:
        raise BadInput(
            f"found no experiment {name!r} in recsys.toml, expected one that [experiments.NAME] "
            f"declares: {', '.join(config.experiments) or 'none so far'}."
        )
    return name, config.experiments[name]


def folder(plan: Plan) -> Path:
    """Where a workspace keeps the simulation; that of common random numbers beside that of the
    experiment, which it is held against."""
    place = Simulated.of(plan.workspace, plan.crowd.name).folder
    return place / "common" if plan.crowd.is_common else place


def describe(plan: Plan, out: Path, totals: Totals) -> None:
    """Notes what was simulated beside its tables, for whoever reads them."""
    Simulated(out).describe(
        {
            "world": f"the synthetic store of seed {plan.crowd.config.seed}",
            "apps": plan.crowd.config.world.num_apps,
            "users": plan.crowd.num_users,
            "first day": plan.first_day.isoformat(),
            "days": totals.days_before + totals.days,
            "arms": {name: _words(arm, plan) for name, arm in plan.crowd.experiment.arms.items()},
            "everybody lives in every arm": plan.crowd.is_common,
        }
    )


def _words(arm: Arm, plan: Plan) -> str:
    """What makes an arm's pages."""
    told = arm.simulated
    if arm.interleaves:
        return f"{' and '.join(arm.interleaves)} in turns, by team draft"
    if arm.policy:
        return f"policy {arm.policy}"
    if told.retrain == "daily":
        return f"trained each night on its own users, from bundle {plan.serving} on"
    if told.days_stale is not None:
        return f"each day the bundle that is {told.days_stale} days stale"
    missing = f", whose models don't get {', '.join(told.missing)}" if told.missing else ""
    return f"bundle {arm.bundle or plan.serving}{missing}"
