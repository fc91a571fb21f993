"""Who opens the store on a day, when, and to look around or to search."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from data.arrays import Integers, Times
from data.history import drawn_categories
from data.lexicon import CATEGORIES, COUNTRIES
from data.policy import HOME
from data.world import World

SHARE_SEARCH = 0.35
# Requests by hour of the user's own clock, and by weekday from Monday on; means do not matter.
HOURS = (3, 2, 1, 1, 1, 2, 4, 7, 8, 7, 6, 7, 9, 8, 7, 7, 8, 9, 10, 12, 14, 14, 11, 6)
WEEKDAYS = (0.93, 0.92, 0.93, 0.95, 1.02, 1.14, 1.11)
SECOND = 1_000_000  # times are in microseconds
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Requests:
    """Requests of a day in order of time; arrays of `[num_requests]`."""

    user: Integers
    """Rows of users."""
    time: Times
    """Microseconds since the day began, UTC."""
    shelf: Integers
    """The category that the user searches, or `HOME`."""

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, which: Integers) -> Requests:
        return Requests(self.user[which], self.time[which], self.shelf[which])


def requests_on(world: World, day: dt.date) -> Requests:
    """The requests of a day."""
    rng = world.streams.rng("requests", day.isoformat())
    mean = world.config.requests_per_user * WEEKDAYS[day.weekday()]
    num_requests = rng.poisson(mean * world.users.activity)
    user = np.repeat(np.arange(len(world.users), dtype=np.int32), num_requests)
    time = _times(rng, world.users.country[user])
    order = np.argsort(time, kind="stable")
    user, time = user[order], time[order]
    shelf = np.full(len(user), HOME, np.int32)
    searching = np.flatnonzero(rng.random(len(user)) < SHARE_SEARCH)
    shares = np.array([c.share for c in CATEGORIES])
    shelf[searching] = drawn_categories(rng, world, shares, user[searching], 1)[:, 0]
    return Requests(user, time, shelf)


def _times(rng: np.random.Generator, country: Integers) -> Times:
    edges = np.cumsum(HOURS)
    hour = np.searchsorted(edges / edges[-1], rng.random(len(country)), side="right")
    local = ((hour + rng.random(len(country))) * 3600 * SECOND).astype(np.int64)
    offset = np.array([c.utc_offset_hours for c in COUNTRIES]) * 3600 * SECOND
    # The last second is left to what follows a request: all of it happens on the same day.
    time: Times = np.minimum((local - offset[country]) % DAY, DAY - SECOND)
    return time
