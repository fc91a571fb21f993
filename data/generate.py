"""Generates the daily tables of the synthetic store, day by day, and resumes where it stopped.

Memory holds one day: users, apps, and what happened today. The state that one day hands to the
next is in the logs too, so a run that stopped is resumed from them, with the same bytes.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.day import DayLog, StoreState, live
from data.history import installed_before
from data.reading import state_after
from data.world import World
from data.writing import write_events, write_snapshots
from recsys.config import Config
from recsys.errors import BadInput
from recsys.tables import TABLES
from recsys.workspace import Workspace, sweep_staged, write_atomically

WORLD_FILE = "world.json"
SHARE_LEFT = 0.25  # of installs before the first day, by people who removed the app since


@dataclass
class Totals:
    """What a run has generated so far."""

    days_before: int = 0
    """Days that were there already."""
    days: int = 0
    requests: int = 0
    impressions: int = 0
    clicks: int = 0
    installs: int = 0
    uninstalls: int = 0
    seconds: float = 0.0

    @property
    def impressions_per_s(self) -> float:
        """Rate over the whole run, the world's making included."""
        return self.impressions / self.seconds if self.seconds else 0.0

    def count(self, log: DayLog) -> None:
        """Adds a day."""
        clicks, installs, uninstalls = np.bincount(log.outcomes.kind, minlength=3).tolist()
        self.days += 1
        self.requests += len(log.requests)
        self.impressions += log.num_impressions
        self.clicks += clicks
        self.installs += installs
        self.uninstalls += uninstalls


def generate(
    workspace: Workspace,
    num_days: int,
    force: bool = False,
    after_day: Callable[[Totals], None] = lambda totals: None,
) -> Totals:
    """Generates the days that are not there yet.

    Args:
        workspace: where the configuration is and the logs go.
        num_days: how many days the logs shall have, from the world's first on.
        force: replace logs of another world, and every day.
        after_day: called when a day is written.

    Raises:
        BadInput: the logs are of another world, or were not generated.
    """
    began = time.perf_counter()
    config = workspace.config
    missing = missing_days(workspace, config, num_days, force)
    if force:
        shutil.rmtree(workspace.logs, ignore_errors=True)
    _claim(workspace)
    sweep_staged(workspace.logs)
    world = World(config)
    totals = Totals(days_before=num_days - len(missing))
    if missing:
        state = _state_before(workspace, world, missing[0])
    for day in missing:
        state = state.grown(len(world.apps(day)))
        write_snapshots(workspace, world, day, state)
        log = live(world, day, state)
        write_events(workspace, world, log)
        totals.count(log)
        totals.seconds = time.perf_counter() - began
        after_day(totals)
    return totals


def missing_days(workspace: Workspace, config: Config, num_days: int, force: bool) -> list[dt.date]:
    """The days that `generate` makes, in order: the last of those that the logs shall have.

    Args:
        workspace: where the logs are.
        config: that of the world.
        num_days: how many days the logs shall have.
        force: none of those that are there count.

    Raises:
        BadInput: the logs are of another world, or were not generated.
    """
    days = [config.world.first_day + dt.timedelta(days=i) for i in range(num_days)]
    if force:
        return days
    _check_claim(workspace, config)
    return days[num_whole_days(workspace, days) :]


def num_whole_days(workspace: Workspace, days: list[dt.date]) -> int:
    """How many days, from the first on, have all their tables."""
    whole = set.intersection(*(set(workspace.days(table)) for table in TABLES))
    return next((i for i, day in enumerate(days) if day not in whole), len(days))


def peak_mib() -> float:
    """The most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def world_of(workspace: Workspace) -> World:
    """The hidden world that the workspace's logs come from.

    Raises:
        BadInput: the logs were not generated, or with another configuration.
    """
    if not (workspace.logs / WORLD_FILE).exists() or not workspace.days("outcomes"):
        raise BadInput(
            f"{workspace.logs} holds no generated days: `recsys data generate` makes some."
        )
    _check_claim(workspace, workspace.config)
    return World(workspace.config)


def world_digest(config: Config) -> str:
    """Identifies a world: everything but for how long it is watched."""
    watched = config.world.model_copy(update={"num_days": 1})
    return config.model_copy(update={"world": watched}).digest("seed", "world")


def _claim(workspace: Workspace) -> None:
    """Notes which world's logs these are, where there are none yet."""
    path = workspace.logs / WORLD_FILE
    if not path.exists():
        identity = {"digest": world_digest(workspace.config)}
        write_atomically(path, json.dumps(identity).encode())


def _check_claim(workspace: Workspace, config: Config) -> None:
    """Makes sure that the logs are this world's, or nobody's."""
    path = workspace.logs / WORLD_FILE
    if path.exists():
        if json.loads(path.read_text())["digest"] != world_digest(config):
            raise BadInput(
                f"{workspace.logs} holds days of a world with another seed or [world] section "
                f"than {workspace.root}'s configuration: replace them with --force."
            )
    elif any(workspace.days(table) for table in TABLES):
        raise BadInput(
            f"{workspace.logs} holds tables that were not generated: replace them with --force, or "
            "generate into another workspace."
        )


def _state_before(workspace: Workspace, world: World, day: dt.date) -> StoreState:
    if day == world.config.first_day:
        return first_state(world)
    return state_after(workspace, world, day - dt.timedelta(days=1))


def first_state(world: World) -> StoreState:
    """As the first day begins: every app on a device was installed once, and so were some that
    people have removed since."""
    installed = installed_before(world)
    num_apps = len(world.apps(world.config.first_day))
    owners = np.bincount(installed.rows[installed.rows >= 0], minlength=num_apps)
    left = world.streams.rng("history", "left").poisson(SHARE_LEFT / (1 - SHARE_LEFT) * owners)
    return StoreState(installed, (owners + left).astype(np.float32))
