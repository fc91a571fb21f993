"""The hidden world: all that is true of apps and users before anybody acts.

It follows from the seed and the `[world]` section alone, so the simulation of experiments rebuilds
it without files. What people do in it is in the logs.
"""

from __future__ import annotations

import datetime as dt
import math

import numpy as np

from data.arrays import Floats
from data.catalogue import Catalogue, Developers, drawn_apps, release_days_before
from data.complements import Complements
from data.lexicon import CATEGORIES
from data.population import Population
from data.streams import Streams
from data.tastes import Tastes
from recsys.config import Config

APPS_PER_DEVELOPER = 5
QUALITY, POPULARITY = 0.4, 0.12  # what a standard deviation of each is worth, in logits
CATEGORY_TREND = 0.35  # amplitude of a category's fashion, in logits
APP_TREND = 0.3  # amplitude of an app's fashion, in logits
NOVELTY = 0.5  # what being new is worth on the first day, in logits
NOVELTY_DAYS = 10.0


class World:
    """A seed's apps and users, and how fashion moves over the days."""

    def __init__(self, config: Config) -> None:
        self.config = config.world
        self.streams = Streams(config.seed)
        self.tastes = Tastes.drawn(self.streams)
        self.users = Population.drawn(self.streams, self.config.num_users, self.tastes)
        self._developers = Developers.drawn(
            self.streams.rng("developers"),
            math.ceil(self.config.num_apps / APPS_PER_DEVELOPER),
            self.tastes,
        )
        self._category_fashion = self.streams.rng("fashion").uniform(
            (0, 20), (2 * math.pi, 60), (len(CATEGORIES), 2)
        )
        self._first_apps = self._drawn_first_apps()
        self.complements = Complements.drawn(
            self.streams.rng("complements"), self._first_apps.popularity
        )
        self._apps = self._first_apps
        self._apps_until = self.config.first_day

    def apps(self, day: dt.date) -> Catalogue:
        """Every app released on that day or before, those of the first day first."""
        if day < self._apps_until:
            self._apps, self._apps_until = self._first_apps, self.config.first_day
        while self._apps_until < day:
            self._apps_until += dt.timedelta(days=1)
            self._apps = self._apps.joined(self._released_on(self._apps_until))
        return self._apps

    def appeal(self, day: dt.date) -> Floats:
        """What everybody finds in each app on that day, in logits `[num_apps]`: quality,
        popularity, the fashions of the category and of the app, novelty."""
        apps = self.apps(day)
        age = self.age_days(day)
        since = (day - self.config.first_day).days
        fashion = CATEGORY_TREND * _wave(since, *self._category_fashion.T)[apps.category]
        fashion += APP_TREND * _wave(since, *apps.drift.T)
        novelty = NOVELTY * np.exp(-age / NOVELTY_DAYS)
        appeal: Floats = QUALITY * apps.quality + POPULARITY * apps.popularity + fashion + novelty
        return appeal.astype(np.float32)

    def age_days(self, day: dt.date) -> Floats:
        """Days from release to that day, `[num_apps]`."""
        age = np.datetime64(day, "D") - self.apps(day).release_day
        return age.astype(np.float32)

    def _drawn_first_apps(self) -> Catalogue:
        rng = self.streams.rng("apps", "first")
        n = self.config.num_apps
        days = release_days_before(rng, self.config.first_day, n)
        return drawn_apps(rng, days, 0, self._developers, self.tastes)

    def _released_on(self, day: dt.date) -> Catalogue:
        rng = self.streams.rng("apps", day.isoformat())
        n = rng.poisson(self.config.num_apps * self.config.new_apps_per_day)
        days = np.full(n, np.datetime64(day, "D"))
        return drawn_apps(rng, days, len(self._apps), self._developers, self.tastes)


def _wave(day: int, phase: Floats, period: Floats) -> Floats:
    return np.sin(phase + 2 * math.pi * day / period)
