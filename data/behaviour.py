"""What a user does with a page: examination, click, install, uninstall.

A user examines a position with a chance that falls down the page, clicks an examined app, installs
a clicked one, and may uninstall it on the same day. The chances follow from the hidden world on
one day, and are the same whoever made the page: the logging policy, or a policy on trial.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from data.arrays import Booleans, Floats, Integers
from data.lexicon import AGE_BANDS, CONTENT_RATINGS
from data.world import World

# Logits. Together they make 3 to 6 % of home impressions installs, and a page that knows the truth
# worth several pages of the most popular apps.
CLICK_BIAS = -3.5
CLICK_TASTE = 4.8
CLICK_COMPLEMENT = 2.1
INSTALL_BIAS = -2.1
INSTALL_TASTE = 3.2
INSTALL_COMPLEMENT = 1.5
UNINSTALL_BIAS = -1.2
UNINSTALL_TASTE = -2.0
UNINSTALL_QUALITY = -0.5
HOME_COUNTRY = 0.5
MATURE_APP_TO_MINOR = -3.0
PRICE = -0.8  # times log(1 + dollars)
SEARCH = 0.8  # a search is answered by people who want something

_MINOR = AGE_BANDS.index("13-17")
_MATURE = CONTENT_RATINGS.index("Mature 17+")


@dataclass(frozen=True)
class Chances:
    """Chances of a user's acts, each given the one before; every array has the pages' shape."""

    click: Floats
    """Given examination."""
    install: Floats
    """Given a click."""
    uninstall: Floats
    """Given an install."""


@dataclass(frozen=True)
class Acts:
    """What happened on pages; every array has the pages' shape."""

    click: Booleans
    install: Booleans
    uninstall: Booleans


def examination(num_positions: int) -> Floats:
    """Chance that a user looks at each position, `[num_positions]`; the top one is always seen."""
    return (1 / (1 + 0.12 * np.arange(num_positions))).astype(np.float32)


class Behaviour:
    """How the world's users behave on one day."""

    def __init__(self, world: World, day: dt.date) -> None:
        self._world = world
        self._apps = world.apps(day)
        self._click_appeal = world.appeal(day) + CLICK_BIAS
        self._install_appeal = (
            INSTALL_BIAS + 0.4 * self._apps.quality + PRICE * np.log1p(self._apps.price)
        ).astype(np.float32)

    def chances(
        self,
        users: Integers,
        installed: Integers,
        pages: Integers,
        searching: Booleans,
    ) -> Chances:
        """The truth about pages.

        Args:
            users: `[n]` rows of users.
            installed: `[n, c]` rows of their apps, -1 for none.
            pages: `[n, k]` rows of apps, -1 for an empty position, where all chances are zero.
            searching: `[n]`, whether the page answers a search.
        """
        affinity = np.einsum("nt,nkt->nk", self._world.users.taste[users], self._apps.taste[pages])
        complement = self._world.complements.complete(installed, pages)
        return self._chances(users, pages, affinity, complement, searching)

    def chances_everywhere(self, users: Integers, installed: Integers) -> Chances:
        """The truth about every app at home, `[n, num_apps]`: what an oracle knows."""
        everything = np.broadcast_to(np.arange(len(self._apps)), (len(users), len(self._apps)))
        affinity = self._world.users.taste[users] @ self._apps.taste.T
        complement = np.zeros((len(users), len(self._apps) + 1), bool)
        np.put_along_axis(complement, self._world.complements.of(installed), True, axis=1)
        at_home = np.zeros(len(users), bool)
        return self._chances(users, everything, affinity, complement[:, :-1], at_home)

    def _chances(
        self,
        users: Integers,
        pages: Integers,
        affinity: Floats,
        complement: Booleans,
        searching: Booleans,
    ) -> Chances:
        people, apps = self._world.users, self._apps
        at_home = apps.home_country[pages] == people.country[users, None]
        minor = people.age_band[users, None] == _MINOR
        fit = HOME_COUNTRY * at_home + MATURE_APP_TO_MINOR * (
            minor & (apps.content_rating[pages] == _MATURE)
        )
        click = self._click_appeal[pages] + CLICK_TASTE * affinity
        click += CLICK_COMPLEMENT * complement + fit + SEARCH * searching[:, None]
        install = self._install_appeal[pages] + INSTALL_TASTE * affinity
        install += INSTALL_COMPLEMENT * complement
        uninstall = UNINSTALL_BIAS + UNINSTALL_TASTE * affinity
        uninstall += UNINSTALL_QUALITY * apps.quality[pages]
        shown = pages >= 0
        return Chances(*(shown * _sigmoid(logits) for logits in (click, install, uninstall)))


def act(lots: Floats, chances: Chances) -> Acts:
    """What happens on pages whose positions are in order.

    Args:
        lots: `[4, n, k]` uniform draws: to look, click, install, uninstall.
        chances: of pages `[n, k]`.
    """
    look, click, install, uninstall = lots
    clicked = (look < examination(look.shape[1])) & (click < chances.click)
    installed = clicked & (install < chances.install)
    return Acts(clicked, installed, installed & (uninstall < chances.uninstall))


def expected_installs(chances: Chances) -> Floats:
    """Installs that pages are worth on average, `[n]`, from chances `[n, k]`."""
    worth = examination(chances.click.shape[1]) * chances.click * chances.install
    total: Floats = worth.sum(1, dtype=np.float64)
    return total


def _sigmoid(logits: Floats) -> Floats:
    chance: Floats = np.divide(1, 1 + np.exp(-logits), dtype=np.float32)
    return chance
