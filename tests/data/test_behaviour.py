from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from data.behaviour import Acts, Behaviour, Chances, act, examination, expected_installs
from data.world import World

FIRST = dt.date(2024, 3, 1)


@pytest.fixture(scope="module")
def behaviour(toy_world: World) -> Behaviour:
    return Behaviour(toy_world, FIRST)


def chances(behaviour: Behaviour, user: int, installed: list[int], page: list[int]) -> Chances:
    return behaviour.chances(
        np.array([user]), np.array([installed]), np.array([page]), np.array([False])
    )


def test_expected_installs_sum_examination_click_and_install() -> None:
    one = np.array([[0.5, 0.5, 0.0]], np.float32)
    page = Chances(click=one, install=np.array([[0.2, 0.4, 1.0]], np.float32), uninstall=one)
    assert examination(2).tolist() == pytest.approx([1, 1 / 1.12])
    assert expected_installs(page)[0] == pytest.approx(0.5 * 0.2 + 0.5 * 0.4 / 1.12)


def test_examination_falls_down_the_page() -> None:
    assert (np.diff(examination(30)) < 0).all()


def test_acts_come_with_their_chances_and_in_their_order() -> None:
    shape = (60_000, 2)
    page = Chances(*(np.full(shape, p, np.float32) for p in (0.5, 0.3, 0.2)))
    acts: Acts = act(np.random.default_rng(0).random((4, *shape)), page)
    assert acts.click.mean(axis=0) == pytest.approx(0.5 * examination(2), abs=0.01)
    assert acts.install.mean(axis=0) == pytest.approx(0.15 * examination(2), abs=0.01)
    assert acts.uninstall.mean(axis=0) == pytest.approx(0.03 * examination(2), abs=0.005)
    assert not (acts.install & ~acts.click).any() and not (acts.uninstall & ~acts.install).any()


def test_an_empty_position_is_worth_nothing(behaviour: Behaviour) -> None:
    shown = chances(behaviour, 3, [-1], [5, -1])
    assert shown.click[0, 0] > 0 and shown.click[0, 1] == shown.install[0, 1] == 0


def test_taste_makes_installs_likelier_and_uninstalls_rarer(
    toy_world: World, behaviour: Behaviour
) -> None:
    everything = behaviour.chances_everywhere(np.arange(50), np.full((50, 1), -1))
    affinity = toy_world.users.taste[:50] @ toy_world.apps(FIRST).taste.T
    for values, sign in (
        (everything.click, 1),
        (everything.install, 1),
        (everything.uninstall, -1),
    ):
        assert sign * np.corrcoef(affinity.ravel(), values.ravel())[0, 1] > 0.5


def test_a_complement_of_an_installed_app_is_wanted_more(
    toy_world: World, behaviour: Behaviour
) -> None:
    owned = 0
    partner = int(toy_world.complements.partners[owned, 0])
    without, having = (chances(behaviour, 3, [i], [partner]) for i in (-1, owned))
    assert having.click[0, 0] > 1.5 * without.click[0, 0]
    assert having.install[0, 0] > 1.5 * without.install[0, 0]


def test_minors_hardly_click_on_mature_apps(toy_world: World, behaviour: Behaviour) -> None:
    apps, users = toy_world.apps(FIRST), toy_world.users
    mature = np.flatnonzero(apps.content_rating == 3)
    everything = behaviour.chances_everywhere(np.arange(len(users)), np.full((len(users), 1), -1))
    of_minors = everything.click[users.age_band == 0][:, mature].mean()
    of_adults = everything.click[users.age_band > 0][:, mature].mean()
    assert of_minors < 0.2 * of_adults


def test_a_search_is_answered_by_people_who_want_something(behaviour: Behaviour) -> None:
    page = np.array([[1, 2, 3]])
    home, search = (
        behaviour.chances(np.array([0]), np.array([[-1]]), page, np.array([s]))
        for s in (False, True)
    )
    assert (search.click > home.click).all()


def test_the_oracle_s_table_says_the_same_as_pages_do(
    toy_world: World, behaviour: Behaviour
) -> None:
    users = np.array([4, 9])
    installed = np.array([[0, 17, -1], [33, -1, -1]])
    everywhere = behaviour.chances_everywhere(users, installed)
    partners = toy_world.complements.of(installed)[:, :3]
    pages = np.concatenate([partners, np.array([[0, 50, 299], [7, 8, 250]])], axis=1)
    shown = behaviour.chances(users, installed, pages, np.array([False, False]))
    for name in ("click", "install", "uninstall"):
        table, page = getattr(everywhere, name), getattr(shown, name)
        assert np.allclose(np.take_along_axis(table, pages, 1), page, atol=1e-6)
