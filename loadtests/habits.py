"""A small model of people who install apps, for experiments with a known truth.

On each day a person visits the store with a chance of their own, drawn from Beta(0.6, 2.4): one
visit in five days on average, but most come hardly ever and some nearly daily. On a visit they
install a Poisson number of apps around a rate of their own, log-normal with mean 0.5 and sigma 1.
A treatment multiplies that rate. So installs are zero on most days, have a heavy tail, and are
correlated over days by the habits alone, as a store's are; `described` prints how much.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.experiments.observed import Observed

Floats = NDArray[np.float64]

NUM_DAYS = 14
"""Of an experiment, and of what is known from before it."""

_VISITS = (0.6, 2.4)
_MEAN_INSTALLS = 0.5
_SIGMA = 1.0
_START = dt.date(2025, 3, 1)


@dataclass(frozen=True)
class People:
    """What people are like; arrays `[num_people]`."""

    visit_chance: Floats
    """On a day."""
    installs_a_visit: Floats

    @staticmethod
    def drawn(rng: np.random.Generator, num_people: int) -> People:
        """As many others."""
        rates = rng.lognormal(np.log(_MEAN_INSTALLS) - _SIGMA**2 / 2, _SIGMA, num_people)
        return People(rng.beta(*_VISITS, num_people), rates)

    def daily(self, rng: np.random.Generator, times: Floats | float = 1.0) -> Floats:
        """Installs on each of `NUM_DAYS`, `[num_people, num_days]`.

        Args:
            rng: what is drawn from.
            times: what a treatment multiplies the rates by, of each or of all.
        """
        shape = (len(self.visit_chance), NUM_DAYS)
        visits = rng.random(shape) < self.visit_chance[:, None]
        installs = np.zeros(shape)
        rates = np.broadcast_to((self.installs_a_visit * times)[:, None], shape)
        installs[visits] = rng.poisson(rates[visits])
        return installs

    def total(self, rng: np.random.Generator, times: Floats | float = 1.0) -> Floats:
        """Installs on `NUM_DAYS` together, `[num_people]`: as the sum of `daily`, drawn at once."""
        visits = rng.binomial(NUM_DAYS, self.visit_chance)
        return rng.poisson(self.installs_a_visit * times * visits).astype(np.float64)


def experiment(
    rng: np.random.Generator, num_people: int, lift: float = 0.0, by_day: bool = False
) -> Observed:
    """An experiment of two arms on new people, all in it from the first day on.

    Args:
        rng: what is drawn from.
        num_people: in both arms together.
        lift: what the treatment adds to the installs, as a share: the truth.
        by_day: with every day, not with all days as one.
    """
    people = People.drawn(rng, num_people)
    arm = rng.integers(2, size=num_people)
    times = 1 + lift * (arm == 1)
    installs = people.daily(rng, times) if by_day else people.total(rng, times)[:, None]
    return Observed(
        arms=("control", "treatment"),
        arm=arm,
        since=np.zeros(num_people, np.int64),
        days=tuple(_START + dt.timedelta(days=day) for day in range(installs.shape[1])),
        daily={"installs": installs},
        before={"installs": people.total(rng)},
        dimensions={},
    )


def described(rng: np.random.Generator, num_people: int = 100_000) -> dict[str, float]:
    """How far from normal it is."""
    people = People.drawn(rng, num_people)
    days, before = people.daily(rng), people.total(rng)
    whole = days.sum(axis=1)
    return {
        "share_of_days_without": float((days == 0).mean()),
        "share_of_people_without": float((whole == 0).mean()),
        "mean": float(whole.mean()),
        "deviation": float(whole.std()),
        "p99": float(np.quantile(whole, 0.99)),
        "max": float(whole.max()),
        "correlation_of_days": float(np.corrcoef(days[:, 0], days[:, -1])[0, 1]),
        "correlation_with_before": float(np.corrcoef(whole, before)[0, 1]),
    }
