"""Who answers an arm's users: at home a bundle or a policy, and shelves as ever where they search.

A search in a category is answered by the store as it was before there was a recommender, in every
arm alike: no recommender is asked for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats, Integers
from data.asking import Asking
from data.day import Front, Shelves
from data.policy import HOME, LoggingPolicy, Shown
from data.requests import Requests
from data.simulation.interleaved import Interleaved
from data.world import World
from recsys.bundle import Bundle
from recsys.fallbacks import SteadyRecommender
from recsys.features.spec import HISTORY
from recsys.query import Query
from recsys.recommender import Page

BATCH = 256
"""Queries that a recommender answers at once."""

POLICIES = ("most_popular", "logging", "random")
"""What may make pages in place of a bundle: what is installed most in the country, as the ladder of
a server has it; the store's pages before there was a recommender; apps at random."""

Pages = Callable[[Sequence[Query]], Sequence[Page]]


@dataclass(frozen=True)
class Source:
    """What makes an arm's pages at home on one day."""

    bundle: Path | None
    """Its folder; None where a policy needs none."""
    policy: str = ""
    """Of `POLICIES`; empty for the bundle's own pages."""
    missing: tuple[str, ...] = ()
    """Columns of the query that the models don't get."""
    teams: tuple[Source, ...] = ()
    """Two others that make its pages in turns, in place of all of the above."""

    @property
    def version(self) -> str | None:
        """The bundle that makes the pages; None for a policy or for two that interleave."""
        return self.bundle.name if self.bundle and not self.policy else None

    def pages(self) -> Pages | None:
        """How its bundle answers; None where it needs none."""
        if self.bundle is None:
            return None
        recommender = Skewed(Bundle.load(self.bundle), self.missing)
        return recommender.popular if self.policy else recommender.recommend


class Skewed(SteadyRecommender):
    """A recommender some of whose features never reach its models; its filters know them."""

    def __init__(self, bundle: Bundle, missing: Sequence[str]) -> None:
        super().__init__(bundle)
        self._missing = missing

    def _raw(self, queries: Sequence[Query]) -> dict[str, NDArray[Any]]:
        return super()._raw([self._without(query) for query in queries])

    def _without(self, query: Query) -> Query:
        known = {name: v for name, v in query.features.items() if name not in self._missing}
        has_history = HISTORY not in self._missing
        history = query.installed_app_ids if has_history else ()
        return replace(query, features=known, installed_app_ids=history)


class StoreFront:
    """The whole store as an arm's users meet it on one day."""

    def __init__(self, home: Front, shelves: Front, page_size: int) -> None:
        self.home = home
        self._fronts = home, shelves
        self._page_size = page_size

    def __call__(self, requests: Requests, installed: Integers) -> Shown:
        """A page each."""
        at_home = requests.shelf == HOME
        pages = np.full((len(requests), self._page_size), -1, np.int32)
        propensity = np.zeros(pages.shape, np.float32)
        for front, chosen in zip(self._fronts, (at_home, ~at_home), strict=True):
            which = np.flatnonzero(chosen)
            if len(which):
                shown = front(requests[which], installed[which])
                pages[which], propensity[which] = shown.pages, shown.propensity
        return Shown(pages, propensity)


class Recommended:
    """Pages of a recommender, in rows of the world's apps."""

    def __init__(self, asking: Asking, pages: Pages, page_size: int) -> None:
        self._asking, self._pages, self._page_size = asking, pages, page_size

    def __call__(self, requests: Requests, installed: Integers) -> Shown:
        """A page each; nothing about it is left to chance."""
        queries = self._asking.queries(requests, installed, self._page_size)
        batches = range(0, len(queries), BATCH)
        pages = [page for begin in batches for page in self._pages(queries[begin : begin + BATCH])]
        ids = [[item.app_id for item in page.items] for page in pages]
        rows = self._asking.app_rows(ids, self._page_size)
        return Shown(rows, (rows >= 0).astype(np.float32))


def front_of(
    source: Source,
    pages_of: Callable[[Source], Pages | None],
    world: World,
    asking: Asking,
    num_installs: Floats,
    rng: np.random.Generator,
) -> StoreFront:
    """Whoever answers an arm's users on a day.

    Args:
        source: what makes the pages at home.
        pages_of: how a source's bundle answers; None where it needs none.
        world: whose users ask.
        asking: when they do.
        num_installs: `[num_apps]`, as the day begins.
        rng: draws the pages that are left to chance.
    """
    size = world.config.page_size

    def shelves(exploration: float) -> Shelves:
        return _shelves(world, asking.day, num_installs, exploration, rng)

    def home(source: Source) -> Front:
        if source.teams:
            first, second = map(home, source.teams)
            return Interleaved(first, second, asking.day, size)
        pages = pages_of(source)
        if pages is not None:
            return Recommended(asking, pages, size)
        return shelves(1.0 if source.policy == "random" else world.config.exploration)

    return StoreFront(home(source), shelves(world.config.exploration), size)


def _shelves(
    world: World,
    day: dt.date,
    num_installs: Floats,
    exploration: float,
    rng: np.random.Generator,
) -> Shelves:
    return Shelves(world, LoggingPolicy(world.apps(day), num_installs, exploration), rng)
