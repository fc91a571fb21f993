from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from data.arrays import Integers
from data.catalogue import EVERY_DEVICE, EVERYWHERE, Catalogue
from data.policy import HOME, LoggingPolicy, Visits
from data.world import World

FIRST = dt.date(2024, 3, 1)


def visits(n: int, installed: list[int], shelf: int = HOME, country: int = 0) -> Visits:
    return Visits(
        country=np.full(n, country),
        device=np.zeros(n, int),
        installed=np.tile(np.array(installed or [-1]), (n, 1)),
        shelf=np.full(n, shelf),
    )


def eligible(apps: Catalogue, installed: list[int], shelf: int, country: int = 0) -> Integers:
    rows = np.arange(len(apps))
    sold = apps.sold(rows, np.array(country), np.array(0))
    on_shelf = (apps.category == shelf) | (shelf == HOME)
    return np.flatnonzero(sold & on_shelf & ~np.isin(rows, installed))


@pytest.fixture
def apps(toy_world: World) -> Catalogue:
    return toy_world.apps(FIRST)


@pytest.fixture
def policy(apps: Catalogue) -> LoggingPolicy:
    num_installs = np.round(20 * np.exp(apps.popularity))
    return LoggingPolicy(apps, num_installs, exploration=0.2)


def biggest_category(apps: Catalogue) -> int:
    return int(np.bincount(apps.category).argmax())


@pytest.mark.parametrize("page_size", [10, 60])
@pytest.mark.parametrize("on_home", [True, False])
def test_pages_hold_distinct_eligible_apps_and_as_many_as_there_are(
    policy: LoggingPolicy, apps: Catalogue, page_size: int, on_home: bool
) -> None:
    shelf = HOME if on_home else biggest_category(apps)
    installed = np.argsort(-policy.weights)[:30].tolist()
    some = eligible(apps, installed, shelf)
    shown = policy.draw(np.random.default_rng(0), visits(50, installed, shelf), page_size)
    for page, propensity in zip(shown.pages, shown.propensity, strict=True):
        held = page[page >= 0]
        assert len(held) == len(set(held)) == min(page_size, len(some))
        assert set(held) <= set(some)
        assert ((propensity > 0) == (page >= 0)).all()
    assert (shown.propensity <= 1).all()


def test_the_first_position_follows_the_weights(policy: LoggingPolicy, apps: Catalogue) -> None:
    installed = [0, 1, 2]
    some = eligible(apps, installed, HOME)
    share = policy.weights[some] / policy.weights[some].sum()
    n = 40_000
    shown = policy.draw(np.random.default_rng(1), visits(n, installed), 3)
    counts = np.bincount(shown.pages[:, 0], minlength=len(apps))[some]
    error = (counts - n * share) / np.sqrt(n * share * (1 - share))
    assert np.abs(error).max() < 4.5
    assert np.allclose(shown.propensity[:, 0], share[np.searchsorted(some, shown.pages[:, 0])])


@pytest.mark.parametrize("on_home", [True, False])
def test_propensities_are_the_chances_of_what_is_shown(
    policy: LoggingPolicy, apps: Catalogue, on_home: bool
) -> None:
    """Over the law of position j, the mean of 1 / chance is the number of apps it may hold. On a
    small shelf whose popular apps are owned, rejection gives up and the race finishes the page."""
    shelf = HOME if on_home else biggest_category(apps)
    on_shelf = eligible(apps, [], shelf)
    installed = on_shelf[np.argsort(-policy.weights[on_shelf])[:4]].tolist()
    num_eligible = len(eligible(apps, installed, shelf))
    shown = policy.draw(np.random.default_rng(2), visits(30_000, installed, shelf), 8)
    inverse = 1 / shown.propensity.astype(float)
    standard_error = inverse.std(axis=0) / np.sqrt(len(inverse))
    error = inverse.mean(axis=0) - (num_eligible - np.arange(8))
    assert (np.abs(error) < 4.5 * standard_error + 1e-3).all()


def test_the_law_is_that_of_plackett_and_luce(apps: Catalogue) -> None:
    columns: dict[str, Any] = {name: column[:3] for name, column in vars(apps).items()}
    three = replace(
        Catalogue(**columns),
        category=np.zeros(3, np.int32),
        country_bits=np.full(3, EVERYWHERE),
        device_bits=np.full(3, EVERY_DEVICE),
    )
    policy = LoggingPolicy(three, np.array([1.0, 2.0, 4.0]), exploration=0.0)
    weight = np.array([2.0, 3.0, 5.0]) ** 0.75  # installs plus one, tempered
    n = 60_000
    shown = policy.draw(np.random.default_rng(3), visits(n, [], shelf=0), 3)
    for page in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        rest = weight.sum() - weight[page[0]]
        chance = weight[page[0]] / weight.sum() * weight[page[1]] / rest
        share = (shown.pages == page).all(axis=1).mean()
        assert abs(share - chance) < 4.5 * np.sqrt(chance * (1 - chance) / n)
    assert np.allclose(shown.propensity[:, 2], 1, atol=1e-6)


def test_a_shelf_that_runs_out_leaves_positions_empty(
    policy: LoggingPolicy, apps: Catalogue
) -> None:
    shelf = int(np.bincount(apps.category, minlength=HOME).argmin())
    shown = policy.draw(np.random.default_rng(4), visits(5, [], shelf), 50)
    num_eligible = len(eligible(apps, [], shelf))
    assert ((shown.pages >= 0).sum(axis=1) == num_eligible).all()
    assert (shown.propensity[shown.pages < 0] == 0).all()


def test_exploration_gives_every_app_its_share(apps: Catalogue) -> None:
    num_installs = np.zeros(len(apps))
    num_installs[0] = 1e9
    uniform = LoggingPolicy(apps, num_installs, exploration=1.0)
    assert np.allclose(uniform.weights, 1 / len(apps))
    mixed = LoggingPolicy(apps, num_installs, exploration=0.3)
    assert mixed.weights[1:].sum() > 0.29
    assert np.isclose(mixed.weights.sum(), 1)
