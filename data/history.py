"""What users had installed before the first day.

A user's past is short: many apps met by category and popularity, of which the ones that suit best
stayed, and with them some of their complements.
"""

from __future__ import annotations

import numpy as np

from data.arrays import Booleans, Floats, Integers
from data.catalogue import Catalogue
from data.installed import InstalledApps
from data.lists import packed, repeated
from data.population import Population
from data.world import World

NUM_MET = 64  # apps that a user met in the past
MIN_KEPT, MEDIAN_KEPT, MAX_KEPT = 5, 15, 40
CATEGORY_FOCUS = 5.0  # how strongly a taste draws a user to its categories
FUSSINESS = 6.0  # how strongly a taste decides which apps stay
COMPLEMENT_KEPT = 0.1  # chance that a complement of a kept app is there too
CHUNK = 16_384


def installed_before(world: World) -> InstalledApps:
    """The apps on each user's device as the first day begins, 5 to 40 of them."""
    rng = world.streams.rng("history")
    apps = world.apps(world.config.first_day)
    past = InstalledApps(len(world.users))
    # Apps lie by category and, within one, by cumulated popularity: a draw is a binary search.
    order = np.argsort(apps.category, kind="stable").astype(np.int32)
    edges = np.concatenate([[0.0], np.cumsum(np.exp(apps.popularity[order], dtype=np.float64))])
    bounds = np.searchsorted(apps.category[order], np.arange(len(world.tastes.of_category) + 1))
    category_edges = edges[bounds]
    for begin in range(0, len(world.users), CHUNK):
        users = np.arange(begin, min(begin + CHUNK, len(world.users)))
        category = drawn_categories(rng, world, np.diff(category_edges), users, NUM_MET)
        low, high = category_edges[category], category_edges[category + 1]
        points = low + (high - low) * rng.random(category.shape)
        met = order[np.minimum(np.searchsorted(edges, points, side="right") - 1, len(order) - 1)]
        kept = _kept(rng, world, apps, users, met)
        partners = world.complements.of(kept)
        partners[rng.random(partners.shape) >= COMPLEMENT_KEPT] = -1
        partners[~_possible(world.users, apps, users, partners)] = -1
        lists = packed(np.concatenate([kept, partners], 1), MAX_KEPT)
        past.rows[users, :MAX_KEPT] = lists
        past.lengths[users] = (lists >= 0).sum(1)
    return past


def drawn_categories(
    rng: np.random.Generator, world: World, shares: Floats, users: Integers, size: int
) -> Integers:
    """Categories that users turn to, `[n, size]`: by shares, and by their tastes."""
    affinity = world.users.taste[users] @ world.tastes.of_category.T
    edges = np.cumsum(shares * np.exp(CATEGORY_FOCUS * affinity), axis=1)
    points = rng.random((len(users), size)) * edges[:, -1:]
    category = np.zeros(points.shape, np.int32)
    for edge in edges.T[:-1]:
        category += points >= edge[:, None]
    return category


def _kept(
    rng: np.random.Generator, world: World, apps: Catalogue, users: Integers, met: Integers
) -> Integers:
    """The apps that stayed, `[n, MAX_KEPT]`: the best by taste and chance (Gumbel's)."""
    taste = world.users.taste[users]
    score = FUSSINESS * np.einsum("nt,nmt->nm", taste, apps.taste[met])
    score += 0.5 * apps.quality[met] + rng.gumbel(size=met.shape)
    score[~_possible(world.users, apps, users, met) | repeated(met)] = -np.inf
    best = np.argsort(-score, axis=1, kind="stable")[:, :MAX_KEPT]
    num_kept = np.clip(MEDIAN_KEPT * rng.lognormal(0, 0.55, len(users)), MIN_KEPT, MAX_KEPT)
    stays = np.isfinite(np.take_along_axis(score, best, 1))
    stays &= np.arange(MAX_KEPT) < num_kept.round()[:, None]
    return np.where(stays, np.take_along_axis(met, best, 1), -1).astype(np.int32)


def _possible(users: Population, apps: Catalogue, who: Integers, what: Integers) -> Booleans:
    sold = apps.sold(what, users.country[who, None], users.device[who, None])
    return sold & (what >= 0)
