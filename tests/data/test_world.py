import datetime as dt

import numpy as np

from data.catalogue import app_names
from data.lexicon import CATEGORIES, COUNTRIES, DEVICES
from data.world import World
from recsys.config import Config

FIRST = dt.date(2024, 3, 1)


def test_a_world_follows_from_its_configuration(toy_config: Config, toy_world: World) -> None:
    day = FIRST + dt.timedelta(days=4)
    again = World(toy_config)
    assert again.apps(day).app_id.equals(toy_world.apps(day).app_id)
    assert np.array_equal(again.appeal(day), toy_world.appeal(day))
    assert np.array_equal(again.users.taste, toy_world.users.taste)


def test_new_apps_follow_the_old_ones_and_change_nothing_about_them(toy_world: World) -> None:
    later = toy_world.apps(FIRST + dt.timedelta(days=6))
    first = toy_world.apps(FIRST)
    assert len(first) == 300 < len(later)
    assert later.app_id[:300].equals(first.app_id)
    assert np.array_equal(later.taste[:300], first.taste)
    assert (first.release_day < np.datetime64(FIRST)).all()
    assert (later.release_day[300:] > np.datetime64(FIRST)).all()
    assert (toy_world.age_days(FIRST + dt.timedelta(days=6)) >= 0).all()


def test_the_number_of_users_does_not_reshuffle_apps(toy_config: Config, toy_world: World) -> None:
    world = toy_config.world.model_copy(update={"num_users": 20})
    other = World(toy_config.model_copy(update={"world": world}))
    assert other.apps(FIRST).app_id.equals(toy_world.apps(FIRST).app_id)
    assert np.array_equal(other.complements.partners, toy_world.complements.partners)


def test_app_ids_are_unique_packageapp_names(toy_world: World) -> None:
    ids = toy_world.apps(FIRST + dt.timedelta(days=9)).app_id.to_pylist()
    assert len(set(ids)) == len(ids)
    assert all(len(i.split(".")) == 3 and i.startswith("com.") and i.islower() for i in ids)


def test_developers_of_different_numbers_have_differentapp_names() -> None:
    n = 10_000
    _, _, names = app_names(
        np.random.default_rng(0), np.arange(n), np.zeros(n, np.int32), first_row=0
    )
    assert len(set(names.to_pylist())) == n


def test_popularity_has_a_long_tail(toy_config: Config) -> None:
    big = toy_config.world.model_copy(update={"num_apps": 5_000})
    weight = np.sort(
        np.exp(World(toy_config.model_copy(update={"world": big})).apps(FIRST).popularity)
    )
    assert weight[-50:].sum() > 0.12 * weight.sum()
    assert weight[:2_500].sum() < 0.3 * weight.sum()


def test_most_apps_are_sold_everywhere_and_each_in_its_home(toy_world: World) -> None:
    apps = toy_world.apps(FIRST)
    rows = np.arange(len(apps))
    countries, devices = np.arange(len(COUNTRIES)), np.arange(len(DEVICES))
    sold = np.array([[apps.sold(rows, c, d) for c in countries[:, None]] for d in devices[:, None]])
    assert 0.7 < sold.mean() < 1
    assert sold.any(axis=(0, 1)).all()
    runs_on = sold[:, apps.home_country, rows].any(axis=0)
    assert runs_on.all()


def test_apps_of_a_category_taste_alike(toy_world: World) -> None:
    apps = toy_world.apps(FIRST)
    cosine = apps.taste @ toy_world.tastes.of_category.T
    own = cosine[np.arange(len(apps)), apps.category]
    assert own.mean() > 0.7
    assert cosine.shape[1] == len(CATEGORIES)
    assert cosine.mean() < 0.4


def test_fashion_moves_appeal_over_the_days(toy_world: World) -> None:
    first = toy_world.appeal(FIRST)
    later = toy_world.appeal(FIRST + dt.timedelta(days=10))[:300]
    assert 0.1 < np.abs(later - first).mean() < 1
    assert np.corrcoef(first, later)[0, 1] > 0.4


def test_apps_of_later_days_have_no_complements(toy_world: World) -> None:
    installed = np.array([[0, 299, 300, -1]])
    wanted = toy_world.complements.of(installed)[0]
    assert (wanted[:6] >= 0).all() and (wanted[6:] == -1).all()
    partner = int(wanted[0])
    found = toy_world.complements.complete(installed, np.array([[partner, -1]]))
    assert found.tolist() == [[True, False]]
