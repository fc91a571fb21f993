from __future__ import annotations

import copy
import datetime as dt

import numpy as np
import pytest

from data.day import CLICK, INSTALL, UNINSTALL, DayLog, StoreState, live
from data.generate import first_state
from data.installed import CAPACITY
from data.policy import HOME
from data.requests import DAY
from data.world import World
from recsys.config import Config

FIRST = dt.date(2024, 3, 1)


@pytest.fixture(scope="module")
def world(toy_config: Config) -> World:
    busy = toy_config.world.model_copy(update={"num_users": 600, "requests_per_user": 2.0})
    return World(toy_config.model_copy(update={"world": busy}))


@pytest.fixture(scope="module")
def before(world: World) -> StoreState:
    return first_state(world)


@pytest.fixture(scope="module")
def lived(world: World, before: StoreState) -> tuple[DayLog, StoreState]:
    state = copy.deepcopy(before)
    return live(world, FIRST, state), state


def test_events_follow_each_other_inside_the_day(lived: tuple[DayLog, StoreState]) -> None:
    outcomes, requests = lived[0].outcomes, lived[0].requests
    assert (np.diff(outcomes.time) >= 0).all() and outcomes.time.max() < DAY
    assert (outcomes.time > requests.time[outcomes.request]).all()
    times = {
        kind: dict(
            zip(
                zip(some.request.tolist(), some.app.tolist(), strict=True),
                some.time.tolist(),
                strict=True,
            )
        )
        for kind in (CLICK, INSTALL, UNINSTALL)
        for some in [outcomes.of(kind)]
    }
    assert times[UNINSTALL] and times[INSTALL].keys() >= times[UNINSTALL].keys()
    assert times[CLICK].keys() >= times[INSTALL].keys()
    assert all(time > times[CLICK][key] for key, time in times[INSTALL].items())
    assert all(time >= times[INSTALL][key] for key, time in times[UNINSTALL].items())


def test_what_was_done_was_shown(lived: tuple[DayLog, StoreState]) -> None:
    log = lived[0]
    shown = log.pages[log.outcomes.request]
    assert (shown == log.outcomes.app[:, None]).any(axis=1).all()
    assert (log.outcomes.user == log.requests.user[log.outcomes.request]).all()


def test_an_installed_app_is_not_shown_again_on_the_day(
    before: StoreState, lived: tuple[DayLog, StoreState]
) -> None:
    log, after = lived
    assert after.installed.lengths.max() < CAPACITY  # nothing was forgotten
    installs = log.outcomes.of(INSTALL)
    pairs = list(zip(installs.user.tolist(), installs.app.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    owned = {u: set(before.installed.rows[u].tolist()) - {-1} for u in range(600)}
    by_request: dict[int, list[int]] = {}
    for request, app in zip(installs.request.tolist(), installs.app.tolist(), strict=True):
        by_request.setdefault(request, []).append(app)
    for request, user in enumerate(log.requests.user.tolist()):
        assert not owned[user] & set(log.pages[request].tolist())
        owned[user] |= set(by_request.get(request, []))


def test_the_state_takes_installs_and_uninstalls_in(
    before: StoreState, lived: tuple[DayLog, StoreState]
) -> None:
    log, after = lived
    installs, uninstalls = log.outcomes.of(INSTALL), log.outcomes.of(UNINSTALL)
    assert after.num_installs.sum() - before.num_installs.sum() == len(installs.app)
    gone = set(zip(uninstalls.user.tolist(), uninstalls.app.tolist(), strict=True))
    for user, app in zip(installs.user.tolist(), installs.app.tolist(), strict=True):
        assert (app in after.installed.rows[user]) == ((user, app) not in gone)


def test_replaying_the_outcomes_gives_the_state_that_was_lived(
    before: StoreState, lived: tuple[DayLog, StoreState]
) -> None:
    log, after = lived
    replayed = copy.deepcopy(before)
    replayed.replay(log.outcomes)
    assert np.array_equal(replayed.installed.rows, after.installed.rows)
    assert np.array_equal(replayed.installed.lengths, after.installed.lengths)
    assert np.array_equal(replayed.num_installs, after.num_installs)


def test_one_in_twenty_or_so_impressions_at_home_is_an_install(
    lived: tuple[DayLog, StoreState],
) -> None:
    log = lived[0]
    home = log.requests.shelf == HOME
    installs = home[log.outcomes.of(INSTALL).request].sum()
    assert 0.03 < installs / (log.pages[home] >= 0).sum() < 0.06


def test_a_day_without_requests_is_a_day(toy_config: Config) -> None:
    quiet = toy_config.world.model_copy(update={"num_users": 10, "requests_per_user": 1e-9})
    world = World(toy_config.model_copy(update={"world": quiet}))
    log = live(world, FIRST, first_state(world))
    assert log.num_impressions == 0 and len(log.outcomes.time) == 0
