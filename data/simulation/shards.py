"""A day of an arm's users, some thousands at a time, in as many processes as there are cores.

Users meet nobody but the store, so a part of them can live a day by itself. Parts are cut by users
alone and draw from streams of their own: whoever computes them, and in whichever order, what they
do is the same.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from data.arrays import Booleans, Floats, Integers
from data.asking import Asking
from data.day import DayLog, Outcomes, StoreState, lived
from data.generate import peak_mib
from data.installed import InstalledApps
from data.luck import Told
from data.requests import Requests, requests_on
from data.simulation.fronts import Pages, Source, front_of
from data.simulation.interleaved import credited
from data.world import World
from recsys.config import Config, Experiment
from recsys.experiments.assignment import NO_ARM, arms_of

SHARD = 4_096
"""Users of a part."""


@dataclass(frozen=True)
class Crowd:
    """Who lives in the arms of an experiment."""

    config: Config
    """Of their world."""
    name: str
    experiment: Experiment
    num_users: int
    """The first of the world's users."""
    is_common: bool
    """Whether each of them lives in every arm, rather than in the arm that is dealt."""

    def num_shards(self) -> int:
        """How many parts they are cut into."""
        return -(-self.num_users // SHARD)


@dataclass(frozen=True)
class ShardDay:
    """What a part of an arm's users is to live."""

    arm: str
    day: dt.date
    shard: int
    source: Source
    installed: Integers
    """`[num_users of the part, capacity]`, as in `InstalledApps.rows`."""
    lengths: Integers
    num_installs: Floats
    """`[num_apps]`, as the arm's day begins."""


@dataclass(frozen=True)
class LivedDay:
    """What became of it."""

    arm: str
    shard: int
    log: DayLog
    installed: Integers
    lengths: Integers
    credits: Floats
    """`[4, num_users of the part]`, as `data.simulation.interleaved.credited` has it."""
    peak_mib: float
    """The most memory that the process which computed it has held so far."""


class Crowded:
    """The users of a crowd, and the bundles that answer them."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.world = World(crowd.config)
        self.arm = dealt(crowd, self.world)
        """`[num_users of the world]`, places among the experiment's arms, or `NO_ARM`."""
        self._made: dict[Source, Pages | None] = {}
        self._today: tuple[Asking, Requests] | None = None

    def live(self, task: ShardDay) -> LivedDay:
        """Lets a part of an arm's users live a day."""
        begin = task.shard * SHARD
        users = slice(begin, begin + len(task.lengths))
        installed = InstalledApps(len(self.world.users))
        installed.rows[users], installed.lengths[users] = task.installed, task.lengths
        state = StoreState(installed, task.num_installs.copy())
        asking, requests = self._on(task.day)
        rng = self.world.streams.rng("simulated", task.day.isoformat(), task.shard)
        front = front_of(task.source, self._pages, self.world, asking, task.num_installs, rng)
        luck = Told(self.world.streams, task.day)
        mine = requests[np.flatnonzero(self._who_lives(task.arm, users)[requests.user])]
        log = lived(self.world, task.day, state, mine, front, luck)
        rows, lengths = installed.rows[users], installed.lengths[users]
        credits = credited(log, front.home, users)
        return LivedDay(task.arm, task.shard, log, rows, lengths, credits, peak_mib())

    def _who_lives(self, arm: str, users: slice) -> Booleans:
        """Which of the world's users open the store in an arm, `[num_users of the world]`."""
        place = tuple(self._crowd.experiment.arms).index(arm)
        of_arm = self.arm != NO_ARM if self._crowd.is_common else self.arm == place
        chosen = np.zeros(len(self.world.users), bool)
        chosen[users] = of_arm[users]
        return chosen

    def _on(self, day: dt.date) -> tuple[Asking, Requests]:
        if self._today is None or self._today[0].day != day:
            self._today = Asking(self.world, day), requests_on(self.world, day)
        return self._today

    def _pages(self, source: Source) -> Pages | None:
        if source not in self._made:
            if len(self._made) >= len(self._crowd.experiment.arms):
                self._made.clear()
            self._made[source] = source.pages()
        return self._made[source]


def dealt(crowd: Crowd, world: World) -> Integers:
    """The arm of each of the world's users, `NO_ARM` for who isn't in the experiment: all of them
    are known to the store, and ask at home."""
    num, asking = crowd.num_users, Asking(world, world.config.first_day)
    columns = {**asking.columns(range(num)), "surface": ["home"] * num}
    arm = np.full(len(world.users), NO_ARM)
    known = np.ones(num, bool)
    arm[:num] = arms_of(crowd.name, crowd.experiment, asking.user_ids[:num], columns, known)
    return arm


def joined(logs: Sequence[DayLog]) -> DayLog:
    """Parts of a day as one, its requests in order of time."""
    user, time, shelf = (
        np.concatenate([getattr(log.requests, name) for log in logs])
        for name in ("user", "time", "shelf")
    )
    order = np.lexsort((user, time))
    place = np.argsort(order).astype(np.int32)
    begins = np.cumsum([0, *(len(log.requests) for log in logs[:-1])])
    moved = [
        replace(log.outcomes, request=place[log.outcomes.request + begin])
        for log, begin in zip(logs, begins, strict=True)
    ]
    return DayLog(
        day=logs[0].day,
        requests=Requests(user, time, shelf)[order],
        pages=np.concatenate([log.pages for log in logs])[order],
        propensity=np.concatenate([log.propensity for log in logs])[order],
        outcomes=Outcomes.joined(moved),
    )


Live = Callable[[Iterable[ShardDay]], Iterator[LivedDay]]


@contextlib.contextmanager
def living(crowd: Crowd, num_processes: int) -> Iterator[Live]:
    """What lets parts live their days while the block runs, in the order given; in this process
    where one is enough."""
    if num_processes == 1:
        crowded = Crowded(crowd)
        yield lambda tasks: map(crowded.live, tasks)
        return
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_processes, spawned, _begin, (crowd,)) as processes:
        yield lambda tasks: processes.map(_live, tasks)


def _begin(crowd: Crowd) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    _of_this_process.append(Crowded(crowd))


def _end_with_the_parent() -> None:
    """A killed parent tells its children nothing, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _live(task: ShardDay) -> LivedDay:
    return _of_this_process[0].live(task)


_of_this_process: list[Crowded] = []
