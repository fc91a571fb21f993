"""Users who open the store on a day: what they ask, what they could be shown, and what it is worth.

The world says what a page is worth: the sum over its positions of the chances of examination,
click and install. Nothing is drawn, so the only noise left is which users were asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np

from data.arrays import Booleans, Floats, Integers
from data.asking import Asking
from data.behaviour import Behaviour, expected_installs
from data.day import StoreState
from data.generate import world_of
from data.lists import contains, repeated
from data.policy import HOME
from data.reading import state_after
from data.requests import DAY, Requests
from data.world import World
from recsys.query import Query
from recsys.workspace import Workspace

PAGE_SIZE = 10
TABLE_CELLS = 2**22  # users times apps that are scored at once

_Scores = Callable[[Integers], Floats]


class Audience:
    """A sample of users at home in the store.

    Args:
        world: the hidden world.
        day: the day on which they ask.
        users: `[n]` rows of users.
        state: the store's state as that day begins.
    """

    def __init__(self, world: World, day: dt.date, users: Integers, state: StoreState) -> None:
        self.day = day
        self.users = users
        self._world = world
        self._apps = world.apps(day)
        self._state = state.grown(len(self._apps))
        self._installed = state.installed.of(users)
        self._behaviour = Behaviour(world, day)
        self._asking = Asking(world, day)

    @classmethod
    def after_logs(cls, workspace: Workspace, num_users: int) -> Audience:
        """Users on the day after the logs' last, each as likely as the other, at most `num_users`.

        Raises:
            BadInput: the workspace has no generated logs.
        """
        world = world_of(workspace)
        last = workspace.days("outcomes")[-1]
        rng = world.streams.rng("audience")
        users = rng.permutation(len(world.users))[:num_users]
        return cls(world, last + dt.timedelta(days=1), users, state_after(workspace, world, last))

    def queries(self) -> list[Query]:
        """Each user's request at home, at noon, UTC."""
        num = len(self.users)
        at_noon = Requests(self.users, np.full(num, DAY // 2), np.full(num, HOME, np.int32))
        return self._asking.queries(at_noon, self._installed, PAGE_SIZE)

    def rows(self, pages: Sequence[Sequence[str]]) -> Integers:
        """Pages of app ids as rows of apps, `[n, PAGE_SIZE]`; -1 is an unknown app or none."""
        return self._asking.app_rows(pages, PAGE_SIZE)

    def most_popular(self) -> Integers:
        """Pages of the eligible apps that were installed most, `[n, PAGE_SIZE]`."""
        shape = len(self._apps)
        return self._best(
            lambda some: np.broadcast_to(self._state.num_installs, (len(some), shape))
        )

    def random(self) -> Integers:
        """Pages of eligible apps drawn at random, `[n, PAGE_SIZE]`."""
        rng = self._world.streams.rng("audience", "random pages")
        return self._best(lambda some: rng.random((len(some), len(self._apps)), np.float32))

    def oracle(self) -> Integers:
        """The best pages that there are, `[n, PAGE_SIZE]`: by the true chance of an install."""

        def truth(some: Integers) -> Floats:
            users, installed = self.users[some], self._installed[some]
            chances = self._behaviour.chances_everywhere(users, installed)
            return chances.click * chances.install

        return self._best(truth)

    def worth(self, pages: Integers) -> Floats:
        """Expected installs of each page, `[n]` from `[n, PAGE_SIZE]`; an app that can't be
        installed, or stands higher on the page already, is worth nothing."""
        people, users = self._world.users, self.users
        sold = self._apps.sold(pages, people.country[users, None], people.device[users, None])
        wasted = ~sold | contains(self._installed, pages) | repeated(pages)
        possible = np.where(wasted, -1, pages)
        at_home = np.zeros(len(users), bool)
        return expected_installs(self._behaviour.chances(users, self._installed, possible, at_home))

    def _best(self, scores: _Scores) -> Integers:
        """The eligible apps of the highest scores; `scores` takes positions in `users` `[m]` and
        gives `[m, num_apps]`."""
        size = min(PAGE_SIZE, len(self._apps))
        pages = np.full((len(self.users), PAGE_SIZE), -1, np.int32)
        num_chunks = 1 + len(self.users) * len(self._apps) // TABLE_CELLS
        for some in np.array_split(np.arange(len(self.users)), num_chunks):
            score = np.where(self._eligible(some), scores(some), -np.inf)
            top = np.argpartition(-score, size - 1, axis=1)[:, :size]
            best = np.take_along_axis(score, top, 1)
            order = np.argsort(-best, axis=1, kind="stable")
            shown = np.isfinite(np.take_along_axis(best, order, 1))
            pages[some, :size] = np.where(shown, np.take_along_axis(top, order, 1), -1)
        return pages

    def _eligible(self, some: Integers) -> Booleans:
        """What users can install and haven't, `[n, num_apps]`."""
        people, users = self._world.users, self.users[some]
        everything = np.arange(len(self._apps))[None]
        eligible = self._apps.sold(
            everything, people.country[users, None], people.device[users, None]
        )
        row, column = np.nonzero(self._installed[some] >= 0)
        eligible[row, self._installed[some][row, column]] = False
        return eligible
