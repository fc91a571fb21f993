"""One day in the store: requests, pages, and what users do with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from data.arrays import Floats, Integers, Times
from data.behaviour import Acts, Behaviour, act
from data.installed import InstalledApps
from data.lists import turns
from data.luck import Drawn, Luck
from data.policy import HOME, LoggingPolicy, Shown, Visits
from data.requests import DAY, SECOND, Requests, requests_on
from data.world import World

KINDS = ("click", "install", "uninstall")
CLICK, INSTALL, UNINSTALL = range(3)
CHUNK = 8_192  # requests at a time
MEAN_READING, MEAN_DECIDING = 20 * SECOND, 40 * SECOND


@dataclass(frozen=True)
class Outcomes:
    """What users did; arrays of `[num_events]`."""

    request: Integers
    """Which request of the day, by order of time."""
    user: Integers
    app: Integers
    kind: Integers
    """Index of `KINDS`."""
    time: Times
    """Microseconds since the day began."""

    def of(self, kind: int) -> Outcomes:
        """The events of one kind."""
        return self[np.flatnonzero(self.kind == kind)]

    def __getitem__(self, which: Integers) -> Outcomes:
        return Outcomes(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    @classmethod
    def none(cls) -> Outcomes:
        """No events."""
        nothing = np.empty(0, np.int32)
        return cls(nothing, nothing, nothing, nothing, np.empty(0, np.int64))

    @classmethod
    def joined(cls, parts: list[Outcomes]) -> Outcomes:
        """All events of some parts, in order of time."""
        whole = cls(
            **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        )
        return whole[np.lexsort((whole.kind, whole.app, whole.request, whole.time))]


@dataclass(frozen=True)
class StoreState:
    """All that one day hands to the next."""

    installed: InstalledApps
    num_installs: Floats
    """Since release, of every app that the day before knew."""

    def replay(self, outcomes: Outcomes) -> None:
        """Takes a whole day's installs and uninstalls in."""
        installs = outcomes.of(INSTALL)
        self.put_on_devices(installs)
        self.close(outcomes)

    def put_on_devices(self, installs: Outcomes) -> None:
        """Adds installs to devices: a user's requests in order, and within one by time."""
        in_order = installs[np.lexsort((installs.time, installs.request))]
        self.installed.add(in_order.user, in_order.app)

    def close(self, outcomes: Outcomes) -> None:
        """Ends a day whose installs are on the devices already."""
        uninstalls = outcomes.of(UNINSTALL)
        self.installed.remove(uninstalls.user, uninstalls.app)
        counts = np.bincount(outcomes.of(INSTALL).app, minlength=len(self.num_installs))
        self.num_installs[:] += counts.astype(np.float32)

    def grown(self, num_apps: int) -> StoreState:
        """The state with counters for the apps released since."""
        new = np.zeros(num_apps - len(self.num_installs), np.float32)
        return StoreState(self.installed, np.concatenate([self.num_installs, new]))


@dataclass(frozen=True)
class DayLog:
    """What happened on a day."""

    day: dt.date
    requests: Requests
    pages: Integers
    """`[num_requests, page_size]` rows of apps, -1 where a shelf ran out."""
    propensity: Floats
    """`[num_requests, page_size]`."""
    outcomes: Outcomes

    @property
    def num_impressions(self) -> int:
        """Apps shown."""
        return int((self.pages >= 0).sum())


class Front(Protocol):
    """Answers requests with pages."""

    def __call__(self, requests: Requests, installed: Integers, /) -> Shown:
        """A page each; `installed` is `[n, c]` rows of apps, -1 for none."""
        ...


def live(world: World, day: dt.date, state: StoreState) -> DayLog:
    """Lets the users live a day of the logs, and the state become that of the day's end."""
    rng = world.streams.rng("behaviour", day.isoformat())
    policy = LoggingPolicy(world.apps(day), state.num_installs, world.config.exploration)
    return lived(
        world, day, state, requests_on(world, day), Shelves(world, policy, rng), Drawn(rng)
    )


def lived(
    world: World, day: dt.date, state: StoreState, requests: Requests, front: Front, luck: Luck
) -> DayLog:
    """What becomes of a day's requests, whoever answers them; the state becomes that of its end.

    A user's requests are answered in order, so that what one of them installed is on the device at
    the next; what was uninstalled leaves the device when the day ends.
    """
    behaviour = Behaviour(world, day)
    shape = len(requests), world.config.page_size
    pages, propensity = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    parts = [Outcomes.none()]
    for some in _chunks(requests):
        asked = requests[some]
        installed = state.installed.of(asked.user)
        shown = front(asked, installed)
        chances = behaviour.chances(asked.user, installed, shown.pages, asked.shelf != HOME)
        acts = act(luck.of_acts(asked, shown.pages), chances)
        pages[some], propensity[some] = shown.pages, shown.propensity
        parts.append(_events(luck, asked, some, shown.pages, acts))
        state.put_on_devices(parts[-1].of(INSTALL))
    outcomes = Outcomes.joined(parts)
    state.close(outcomes)
    return DayLog(day, requests, pages, propensity, outcomes)


class Shelves:
    """Pages of the logging policy, one draw after the other."""

    def __init__(self, world: World, policy: LoggingPolicy, rng: np.random.Generator) -> None:
        self._world, self._policy, self._rng = world, policy, rng

    def __call__(self, requests: Requests, installed: Integers) -> Shown:
        """A page each from the shelf that the request looks at."""
        people = self._world.users
        country, device = people.country[requests.user], people.device[requests.user]
        visits = Visits(country, device, installed, requests.shelf)
        return self._policy.draw(self._rng, visits, self._world.config.page_size)


def _chunks(requests: Requests) -> Iterator[Integers]:
    """Requests in batches that hold a user once, a user's earlier request in an earlier batch."""
    turn = turns(requests.user)
    by_turn = np.argsort(turn, kind="stable").astype(np.int32)
    for batch in np.split(by_turn, np.flatnonzero(np.diff(turn[by_turn])) + 1):
        yield from (batch[i : i + CHUNK] for i in range(0, len(batch), CHUNK))


def _events(luck: Luck, asked: Requests, some: Integers, pages: Integers, acts: Acts) -> Outcomes:
    """The events of acts on pages, each after the one it follows from and before midnight."""
    row, column = np.nonzero(acts.click)
    request, app = some[row], pages[row, column]
    reading, deciding, keeping = luck.of_times(asked[row], app)
    clicked = _later(reading, asked.time[row], MEAN_READING)
    installed = _later(deciding, clicked, MEAN_DECIDING)
    uninstalled = installed + (keeping * (DAY - installed)).astype(np.int64)
    happened = (
        np.ones(len(row), bool),
        acts.install[row, column],
        acts.uninstall[row, column],
    )
    times = (clicked, installed, uninstalled)
    kind = np.concatenate([np.full(h.sum(), k, np.int32) for k, h in enumerate(happened)])
    which = np.concatenate([np.flatnonzero(h) for h in happened])
    time = np.concatenate([t[h] for t, h in zip(times, happened, strict=True)])
    return Outcomes(request[which], asked.user[row[which]], app[which], kind, time)


def _later(delay: Floats, time: Times, mean: int) -> Times:
    """Some time after, by a delay that is 1 in the mean."""
    late = (delay * mean).astype(np.int64) + 1
    return time + np.minimum(late, (DAY - time) // 3)
