import datetime as dt

import numpy as np

from data.history import installed_before
from data.world import World

FIRST = dt.date(2024, 3, 1)


def test_histories_are_distinct_apps_that_the_user_could_install(toy_world: World) -> None:
    apps, users = toy_world.apps(FIRST), toy_world.users
    installed = installed_before(toy_world)
    assert installed.lengths.min() >= 5 and installed.lengths.max() <= 40
    for user, length in enumerate(installed.lengths):
        own = installed.rows[user, :length]
        assert len(set(own.tolist())) == length and own.min() >= 0
        assert apps.sold(own, users.country[user, None], users.device[user, None]).all()
        assert (installed.rows[user, length:] == -1).all()


def test_histories_tell_of_tastes_and_complements(toy_world: World) -> None:
    apps, users = toy_world.apps(FIRST), toy_world.users
    installed = installed_before(toy_world)
    affinity = users.taste @ apps.taste.T
    user, column = np.nonzero(installed.rows >= 0)
    app = installed.rows[user, column]
    assert affinity[user, app].mean() > affinity.mean() + 0.2
    wanted = toy_world.complements.complete(installed.rows, installed.rows)
    by_chance = toy_world.complements.complete(np.roll(installed.rows, 1, 0), installed.rows)
    assert wanted[user, column].mean() > 1.2 * by_chance[user, column].mean()
