"""The world's users live an experiment, day by day, and a simulation that was killed goes on.

Each arm is a store of its own: its users' devices, its counts of installs, its bundle. Memory holds
one day. What one day hands to the next is on the disk once the day is whole, after its tables, so a
simulation resumes after its last whole day, with the same outcomes.

Before the experiment all users live the days of the logs under the logging policy: they follow from
the seed, so they are lived again rather than read, and more users than the logs have can live them.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from data.arrays import Floats
from data.day import INSTALL, DayLog, StoreState, live
from data.generate import first_state, peak_mib, world_digest
from data.installed import InstalledApps
from data.simulation.arms import Arms, Retrain, own_workspace
from data.simulation.fronts import Source
from data.simulation.shards import SHARD, Crowd, LivedDay, ShardDay, joined, living
from data.simulation.tables import exposures, outcomes
from data.world import World
from data.writing import profiles, write_events, write_snapshots
from recsys.errors import BadInput
from recsys.experiments.stored import DailyTable, Simulated
from recsys.workspace import Workspace, discard, staged_folder, sweep_staged, write_atomically

_DAY = dt.timedelta(days=1)
_STATE, _CLAIM = "state", "claim.json"


@dataclass(frozen=True)
class Plan:
    """What is to be lived."""

    workspace: Workspace
    """Bundles, and logs that some arms go on from."""
    crowd: Crowd
    first_day: dt.date
    num_days: int
    serving: str | None
    """Version of the bundle that serves as it begins."""

    @property
    def days(self) -> list[dt.date]:
        """The days of the experiment."""
        return [self.first_day + number * _DAY for number in range(self.num_days)]

    @property
    def identity(self) -> dict[str, object]:
        """What must be the same for a simulation to go on: everything but how long it lasts."""
        return {
            "world": world_digest(self.crowd.config),
            "experiment": self.crowd.experiment.model_dump(mode="json", exclude={"horizon_days"}),
            "num_users": self.crowd.num_users,
            "first_day": self.first_day.isoformat(),
            "common_random_numbers": self.crowd.is_common,
            "serving": self.serving,
        }


@dataclass
class Totals:
    """What a simulation has done so far."""

    days_before: int = 0
    """Days that were lived already."""
    days: int = 0
    parts: int = 0
    """Of the days, as `data.simulation.shards` cuts them."""
    requests: int = 0
    """Of all arms, searches included."""
    seconds: float = 0.0
    """Of living those days, without training."""
    peak_mib: float = 0.0
    """The most memory that any one of its processes has held."""
    peak_mib_by_day: list[float] = field(default_factory=list)
    """The same by the end of each of those days."""

    def count(self, part: LivedDay, seconds: float) -> None:
        """Adds a part of a day."""
        self.parts += 1
        self.requests += len(part.log.requests)
        self.seconds += seconds
        self.peak_mib = max(self.peak_mib, part.peak_mib)

    def end_day(self, seconds: float) -> None:
        """Adds a day whose parts were counted, and what writing it took."""
        self.days += 1
        self.seconds += seconds
        self.peak_mib = max(self.peak_mib, peak_mib())
        self.peak_mib_by_day.append(self.peak_mib)

    @property
    def requests_per_s(self) -> float:
        """Rate of living the days."""
        return self.requests / self.seconds if self.seconds else 0.0


Progress = Callable[[Totals], None]


def of_arm(out: Path, arm: str) -> DailyTable:
    """What became of an arm in which everybody lived, as `data.simulation.tables.LIVED`."""
    return DailyTable(out / "lived" / arm)


def simulate(
    plan: Plan, out: Path, num_processes: int, retrain: Retrain, after_part: Progress
) -> Totals:
    """Lives the days that were not lived yet.

    Args:
        plan: what is to be lived.
        out: folder of the experiment (`recsys.experiments.stored`).
        num_processes: how many live at once.
        retrain: brings the workspace of an arm that trains daily up to date.
        after_part: is told how far it is, after each part of a day.

    Raises:
        BadInput: the folder holds another simulation, or an arm can't be made.
    """
    _claim(out, plan)
    sweep_staged(out)
    world = World(plan.crowd.config)
    Simulated(out).write_users(pa.table(profiles(world, slice(plan.crowd.num_users))))
    own = _own_workspaces(plan, out)
    arms = Arms(plan.workspace, plan.crowd.experiment, plan.serving, own)
    arms.sources(plan.first_day)
    states, left = _begun(plan, out, world)
    totals = Totals(days_before=plan.num_days - len(left))
    with living(plan.crowd, num_processes) as live_parts:
        for day in left:
            if day > plan.first_day:
                for workspace in own.values():
                    retrain(workspace, day - _DAY)
            began = time.perf_counter()
            states = {n: state.grown(len(world.apps(day))) for n, state in states.items()}
            for name, workspace in own.items():
                write_snapshots(workspace, world, day, states[name])
            sources = arms.sources(day)
            parts: dict[str, list[LivedDay]] = {name: [] for name in states}
            for part in live_parts(_parts(plan.crowd, day, sources, states)):
                _take_in(part, states[part.arm])
                parts[part.arm].append(part)
                totals.count(part, time.perf_counter() - began)
                began = time.perf_counter()
                after_part(totals)
            logs = {name: joined([part.log for part in of]) for name, of in parts.items()}
            credits = {
                name: np.concatenate([part.credits for part in of], axis=1)
                for name, of in parts.items()
            }
            for name, workspace in own.items():
                write_events(workspace, world, logs[name])
            _write_tables(plan, out, world, logs, credits, sources)
            _write_state(out, day, states)
            totals.end_day(time.perf_counter() - began)
            after_part(totals)
    return totals


def _parts(
    crowd: Crowd, day: dt.date, sources: Mapping[str, Source], states: Mapping[str, StoreState]
) -> Iterator[ShardDay]:
    for name, state in states.items():
        for shard in range(crowd.num_shards()):
            users = slice(shard * SHARD, min((shard + 1) * SHARD, crowd.num_users))
            rows, lengths = state.installed.rows[users], state.installed.lengths[users]
            yield ShardDay(name, day, shard, sources[name], rows, lengths, state.num_installs)


def _take_in(part: LivedDay, state: StoreState) -> None:
    """What became of a part is the arm's state now."""
    users = slice(part.shard * SHARD, part.shard * SHARD + len(part.lengths))
    state.installed.rows[users], state.installed.lengths[users] = part.installed, part.lengths
    installs = part.log.outcomes.of(INSTALL).app
    state.num_installs[:] += np.bincount(installs, minlength=len(state.num_installs))


def _begun(plan: Plan, out: Path, world: World) -> tuple[dict[str, StoreState], list[dt.date]]:
    """Each arm's state as the next day begins, and the days that are left."""
    lived = DailyTable(out / _STATE).days()
    names = plan.crowd.experiment.arms
    if lived:
        folder = DailyTable(out / _STATE).of_day(lived[-1])
        states = {name: _read_state(folder, number) for number, name in enumerate(names)}
        return states, [day for day in plan.days if day > lived[-1]]
    before = state_before(plan, world, _past_writer(plan, out, world))
    return {name: copy.deepcopy(before) for name in names}, plan.days


def state_before(
    plan: Plan, world: World, after_day: Callable[[DayLog], None] = lambda log: None
) -> StoreState:
    """The store as the experiment begins, its users having lived the days before it; `after_day` is
    given each of them."""
    state = first_state(world)
    for number in range((plan.first_day - world.config.first_day).days):
        day = world.config.first_day + number * _DAY
        state = state.grown(len(world.apps(day)))
        after_day(live(world, day, state))
    return state


def _past_writer(plan: Plan, out: Path, world: World) -> Callable[[DayLog], None]:
    """Writes those of the days before that foretell the experiment."""
    since = plan.first_day - plan.crowd.experiment.covariate_days * _DAY

    def write(log: DayLog) -> None:
        if log.day >= since and not plan.crowd.is_common:
            rows = outcomes(world, log, plan.crowd.num_users)
            Simulated(out).outcomes.write(log.day, rows)

    return write


def _own_workspaces(plan: Plan, out: Path) -> dict[str, Workspace]:
    """The workspaces of the arms that train daily, by arm."""
    num_logged = plan.workspace.config.world.num_users
    return {
        name: own_workspace(
            plan.workspace,
            out / "arms" / name,
            plan.crowd.num_users * (1 if plan.crowd.is_common else arm.share) / num_logged,
        )
        for name, arm in plan.crowd.experiment.arms.items()
        if arm.simulated.retrain == "daily"
    }


def _write_tables(
    plan: Plan,
    out: Path,
    world: World,
    logs: Mapping[str, DayLog],
    credits: Mapping[str, Floats],
    sources: Mapping[str, Source],
) -> None:
    crowd, [day] = plan.crowd, {log.day for log in logs.values()}
    done = {n: outcomes(world, log, crowd.num_users, credits[n]) for n, log in logs.items()}
    if crowd.is_common:
        for name, rows in done.items():
            of_arm(out, name).write(day, rows)
        return
    met = [
        exposures(world, log, crowd.name, name, sources[name].version) for name, log in logs.items()
    ]
    Simulated(out).exposures.write(day, pa.concat_tables(met))
    Simulated(out).outcomes.write(day, pa.concat_tables(done.values()))


def _write_state(out: Path, day: dt.date, states: Mapping[str, StoreState]) -> None:
    """Publishes what the next day begins with: from now on, the day is whole."""
    kept = DailyTable(out / _STATE)
    before = kept.days()
    with staged_folder(kept.of_day(day)) as staged:
        for number, state in enumerate(states.values()):
            for name, values in _arrays(state).items():
                np.save(staged / f"{number}-{name}.npy", values, allow_pickle=False)
    for earlier in before:
        if earlier != day:
            discard(kept.of_day(earlier))


def _arrays(state: StoreState) -> dict[str, Any]:
    rows, lengths = state.installed.rows, state.installed.lengths
    return {"rows": rows, "lengths": lengths, "num_installs": state.num_installs}


def _read_state(folder: Path, number: int) -> StoreState:
    rows, lengths, num_installs = (
        np.load(folder / f"{number}-{name}.npy", allow_pickle=False)
        for name in ("rows", "lengths", "num_installs")
    )
    installed = InstalledApps(len(lengths))
    installed.rows, installed.lengths = rows, lengths
    return StoreState(installed, num_installs)


def _claim(out: Path, plan: Plan) -> None:
    """Notes which simulation's folder this is, where it is nobody's yet."""
    path = out / _CLAIM
    if not path.exists():
        write_atomically(path, json.dumps(plan.identity, indent=1).encode())
    elif json.loads(path.read_text()) != json.loads(json.dumps(plan.identity)):
        raise BadInput(
            f"{out} holds a simulation of other users, arms, bundles or days: replace it with "
            "--force, or choose another folder with --out."
        )
