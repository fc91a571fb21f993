"""Two rankers of which one is known to be better, tried both ways: in an A/B test and interleaved.

A person makes some requests. For each there are 30 apps, which suit the person more or less
(normal), and a ranker that sees how much, but blurred: the better one's noise is smaller. A page
has ten places. A place is looked at with a chance that falls down the page, and an app that is
seen is installed with a chance that follows from how it suits and from how prone the person is to
install anything (log-normal, so that people differ far more than rankers do).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.experiments.interleaving import Preference, preference, team_draft

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_NUM_APPS = 30
_K = 10
_NOISE = {"worse": 0.9, "better": 0.7}
_BIAS = -4.0
_SUIT = 1.0
_PRONE_SIGMA = 1.0
_REQUESTS = 2.0
_LOOKED_AT = 1 / (1 + 0.12 * np.arange(_K))


@dataclass(frozen=True)
class Requests:
    """What people asked for."""

    person: Integers
    """`[num_requests]`, who asked."""
    prone: Floats
    """`[num_requests]`, to install anything."""
    suits: Floats
    """`[num_requests, num_apps]`."""
    num_people: int

    @staticmethod
    def drawn(rng: np.random.Generator, num_people: int) -> Requests:
        """Requests of people who make one at least."""
        person = np.repeat(np.arange(num_people), 1 + rng.poisson(_REQUESTS, num_people))
        prone = rng.normal(0, _PRONE_SIGMA, num_people)[person]
        return Requests(person, prone, rng.normal(size=(len(person), _NUM_APPS)), num_people)

    def ranked(self, rng: np.random.Generator, noise: Floats | float) -> Integers:
        """Pages `[num_requests, k]` of a ranker with such noise, of each or of all requests."""
        blurred = self.suits + rng.normal(size=self.suits.shape) * np.reshape(noise, (-1, 1))
        return np.argsort(-blurred, axis=1)[:, :_K]

    def installs(self, rng: np.random.Generator, pages: Integers) -> NDArray[np.bool_]:
        """What is installed from pages, `[num_requests, k]`."""
        logits = _BIAS + self.prone[:, None] + _SUIT * np.take_along_axis(self.suits, pages, 1)
        chance = _LOOKED_AT / (1 + np.exp(-logits))
        installed: NDArray[np.bool_] = rng.random(pages.shape) < chance
        return installed

    def by_person(self, values: Floats) -> Floats:
        """Sums `[num_people]` of something that each request has."""
        return np.bincount(self.person, values, self.num_people).astype(np.float64)


def in_two_arms(rng: np.random.Generator, num_people: int) -> tuple[Floats, Floats]:
    """Installs of each person whose pages are the worse ranker's, and of the better's."""
    asked = Requests.drawn(rng, num_people)
    gets_better = rng.integers(2, size=num_people).astype(bool)
    noise = np.where(gets_better, _NOISE["better"], _NOISE["worse"])[asked.person]
    installed = asked.installs(rng, asked.ranked(rng, noise))
    installs = asked.by_person(installed.sum(axis=1).astype(np.float64))
    return installs[~gets_better], installs[gets_better]


def interleaved(rng: np.random.Generator, num_people: int) -> tuple[Floats, Floats]:
    """Installs of each person that are credited to the worse ranker, and to the better."""
    asked = Requests.drawn(rng, num_people)
    worse, better = (asked.ranked(rng, _NOISE[name]) for name in ("worse", "better"))
    salt = str(rng.integers(2**32))
    drafts = [
        team_draft([*map(str, one)], [*map(str, other)], _K, salt, str(number))
        for number, (one, other) in enumerate(zip(worse, better, strict=True))
    ]
    pages = np.array([draft.app_ids for draft in drafts]).astype(np.int64)
    installed = asked.installs(rng, pages)
    credits = [
        draft.credit({str(app) for app in page[done]})
        for draft, page, done in zip(drafts, pages, installed, strict=True)
    ]
    first, second = np.array(credits, np.float64).T
    return asked.by_person(first), asked.by_person(second)


def preferred(rng: np.random.Generator, num_people: int) -> Preference:
    """An interleaving experiment, the worse ranker first."""
    return preference(*interleaved(rng, num_people))
