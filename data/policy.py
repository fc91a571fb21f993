"""The logging policy: the pages that the store showed before there was a recommender.

Every app has a weight, popularity mixed with a share that is the same for all. A page is drawn
without replacement, each position in proportion to the weights of what is left: Plackett-Luce.
Drawing with replacement and keeping the first of each app gives the same law, so pages are drawn
in whole batches by inverse CDF and rejection, and no `[users, apps]` table is ever made.

Apps lie on shelves: one a category, which a search in that category draws from, side by side, so
that home, the whole store, is a shelf too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.arrays import Booleans, Floats, Integers
from data.catalogue import EVERY_DEVICE, EVERYWHERE, Catalogue
from data.lexicon import CATEGORIES, COUNTRIES, DEVICES
from data.lists import contains, packed

HOME = len(CATEGORIES)  # the shelf that holds all others
FAIRNESS = 0.75  # exponent of installs: below one, popular apps are shown less than in proportion
REJECTION_ROUNDS = 4
DENSE_CELLS = 2**22  # largest table that finishing the hardest pages may take


@dataclass(frozen=True)
class Visits:
    """Who asks for a page, and from which shelf. Arrays of `[n]` but where it says so."""

    country: Integers
    device: Integers
    installed: Integers
    """`[n, c]` rows of apps, -1 for none."""
    shelf: Integers
    """A category, or `HOME`."""

    def __getitem__(self, which: Integers) -> Visits:
        return Visits(
            self.country[which], self.device[which], self.installed[which], self.shelf[which]
        )


@dataclass(frozen=True)
class Shown:
    """Pages and the chances with which they came."""

    pages: Integers
    """`[n, page_size]` rows of apps; -1 at the end of a page whose shelf ran out."""
    propensity: Floats
    """`[n, page_size]` chance of this app here, given what stands above it."""


class LoggingPolicy:
    """Popularity mixed with exploration, over what a user can install and hasn't.

    Args:
        apps: the catalogue of the day.
        num_installs: `[num_apps]`, as the day begins.
        exploration: share of the weight that all apps have in equal parts.
    """

    def __init__(self, apps: Catalogue, num_installs: Floats, exploration: float) -> None:
        self._apps = apps
        popularity = (num_installs.astype(np.float64) + 1) ** FAIRNESS
        self.weights: Floats = (1 - exploration) * popularity / popularity.sum() + (
            exploration / len(apps)
        )
        self._by_shelf = np.argsort(apps.category, kind="stable").astype(np.int32)
        self._edges = np.concatenate([[0.0], np.cumsum(self.weights[self._by_shelf])])
        self._place = np.argsort(self._by_shelf)
        bounds = np.searchsorted(apps.category[self._by_shelf], np.arange(HOME + 1))
        self._shelf_start = np.append(bounds[:-1], 0)
        self._shelf_end = np.append(bounds[1:], len(apps))
        self._mass = self._eligible_sums(self.weights)
        self._count = self._eligible_sums(np.ones(len(apps)))

    def draw(self, rng: np.random.Generator, visits: Visits, page_size: int) -> Shown:
        """A page for each visit."""
        owned = self._owned_on_shelf(visits)
        left = self._count[visits.country, visits.device, visits.shelf] - owned.sum(1)
        wanted = np.minimum(page_size, left.round()).astype(np.int32)
        pages = np.full((len(wanted), page_size), -1, np.int32)
        for _ in range(REJECTION_ROUNDS):
            pending = np.flatnonzero((pages >= 0).sum(1) < wanted)
            if not len(pending):
                break
            pages[pending] = self._with_more(rng, visits[pending], pages[pending])
        self._finish(rng, visits, owned, pages, wanted)
        mass = self._mass[visits.country, visits.device, visits.shelf]
        mass -= (owned * self.weights[visits.installed]).sum(1)
        return Shown(pages, self._propensity(pages, mass))

    def _eligible_sums(self, values: Floats) -> Floats:
        """Sums of an app's value over each shelf, `[countries, devices, shelves]`."""
        apps = self._apps
        bound = np.flatnonzero(
            (apps.country_bits != EVERYWHERE) | (apps.device_bits != EVERY_DEVICE)
        )
        category, value = apps.category[bound], values[bound]
        sums = np.empty((len(COUNTRIES), len(DEVICES), HOME + 1))
        whole = np.bincount(apps.category, values, minlength=HOME)
        for country, device in np.ndindex(sums.shape[:2]):
            missing = ~apps.sold(bound, np.array(country), np.array(device))
            absent = np.bincount(category, value * missing, minlength=HOME)
            sums[country, device, :HOME] = whole - absent
        sums[:, :, HOME] = sums[:, :, :HOME].sum(2)
        return sums

    def _owned_on_shelf(self, visits: Visits) -> Booleans:
        """Which installed apps a visit would otherwise draw from, `[n, c]`."""
        apps, installed = self._apps, visits.installed
        shelf = visits.shelf[:, None]
        on_shelf: Booleans = (shelf == HOME) | (apps.category[installed] == shelf)
        sold = apps.sold(installed, visits.country[:, None], visits.device[:, None])
        return (installed >= 0) & on_shelf & sold

    def _with_more(self, rng: np.random.Generator, visits: Visits, pages: Integers) -> Integers:
        """The pages after one more round of draws."""
        page_size = pages.shape[1]
        start = self._edges[self._shelf_start[visits.shelf]][:, None]
        end = self._edges[self._shelf_end[visits.shelf]][:, None]
        points = start + (end - start) * rng.random((len(pages), 2 * page_size))
        places = np.searchsorted(self._edges, points, side="right") - 1
        draws = self._by_shelf[np.minimum(places, self._shelf_end[visits.shelf][:, None] - 1)]
        taken = contains(visits.installed, draws)
        sold = self._apps.sold(draws, visits.country[:, None], visits.device[:, None])
        return _appended(pages, np.where(sold & ~taken, draws, -1))

    def _finish(
        self,
        rng: np.random.Generator,
        visits: Visits,
        owned: Booleans,
        pages: Integers,
        wanted: Integers,
    ) -> None:
        """Fills what rejection left open, in place, by exponential races over whole shelves: the
        same law, whatever the weights, at the cost of a table."""
        open_pages = np.flatnonzero((pages >= 0).sum(1) < wanted)
        for shelf in np.unique(visits.shelf[open_pages]):
            start, end = self._shelf_start[shelf], self._shelf_end[shelf]
            apps = self._by_shelf[start:end]
            on_shelf = open_pages[visits.shelf[open_pages] == shelf]
            for chunk in np.array_split(on_shelf, 1 + len(on_shelf) * len(apps) // DENSE_CELLS):
                country, device = visits.country[chunk, None], visits.device[chunk, None]
                finish = rng.standard_exponential((len(chunk), len(apps))) / self.weights[apps]
                finish[~self._apps.sold(apps[None], country, device)] = np.inf
                row, column = np.nonzero(owned[chunk])
                finish[row, self._place[visits.installed[chunk[row], column]] - start] = np.inf
                order = np.argsort(finish, axis=1)[:, : 2 * pages.shape[1]]
                arrived = np.isfinite(np.take_along_axis(finish, order, 1))
                pages[chunk] = _appended(pages[chunk], np.where(arrived, apps[order], -1))

    def _propensity(self, pages: Integers, mass: Floats) -> Floats:
        weights = np.where(pages >= 0, self.weights[pages], 0)
        left = mass[:, None] - np.cumsum(weights, 1) + weights
        # The last app of a shelf is certain; sums of floats may say a hair less or more.
        return np.where(
            pages >= 0, weights / np.maximum(left, np.maximum(weights, 1e-300)), 0
        ).astype(np.float32)


def _appended(pages: Integers, draws: Integers) -> Integers:
    """Pages with those draws that are new (-1 is none) in the free positions, in order."""
    return packed(np.concatenate([pages, draws], 1), pages.shape[1])
