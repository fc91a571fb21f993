import datetime as dt

import numpy as np

from data.lexicon import COUNTRIES
from data.policy import HOME
from data.requests import DAY, requests_on
from data.world import World
from recsys.config import Config

MONDAY, SATURDAY = dt.date(2024, 3, 4), dt.date(2024, 3, 9)
HOUR = DAY // 24


def busy(config: Config) -> World:
    world = config.world.model_copy(update={"num_users": 4_000})
    return World(config.model_copy(update={"world": world}))


def test_times_are_sorted_and_inside_the_day(toy_world: World) -> None:
    time = requests_on(toy_world, MONDAY).time
    assert (np.diff(time) >= 0).all() and time.min() >= 0 and time.max() < DAY


def test_volume_follows_activity_and_weekday(toy_config: Config) -> None:
    world = busy(toy_config)
    weekday, weekend = requests_on(world, MONDAY), requests_on(world, SATURDAY)
    assert 1.5 < len(weekday) / 4_000 < 2.3
    assert len(weekend) > 1.1 * len(weekday)
    per_user = np.bincount(weekday.user, minlength=4_000)
    assert np.corrcoef(per_user, world.users.activity)[0, 1] > 0.5


def test_evenings_of_the_user_s_own_clock_are_busy(toy_config: Config) -> None:
    world = busy(toy_config)
    requests = requests_on(world, MONDAY)
    offset = np.array([c.utc_offset_hours for c in COUNTRIES])[world.users.country[requests.user]]
    hour = (requests.time // HOUR + offset) % 24
    counts = np.bincount(hour, minlength=24)
    assert counts[20:22].sum() > 8 * counts[2:4].sum()


def test_searches_follow_tastes(toy_config: Config) -> None:
    world = busy(toy_config)
    requests = requests_on(world, MONDAY)
    searching = requests.shelf != HOME
    assert 0.32 < searching.mean() < 0.38
    tastes = world.users.taste[requests.user[searching]]
    wanted = np.einsum("nt,nt->n", tastes, world.tastes.of_category[requests.shelf[searching]])
    average = (tastes @ world.tastes.of_category.T).mean()
    assert wanted.mean() > average + 0.25
