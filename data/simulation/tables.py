"""What a simulated day leaves for whoever analyses the experiment: who met which arm, and what came
of it, at home alone, since searches are answered alike in all arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from data.arrays import Booleans, Floats, Integers
from data.day import CLICK, INSTALL, UNINSTALL, DayLog
from data.lists import repeated
from data.policy import HOME
from data.world import World
from recsys.experiments.tables import CREDITED, EXPOSURES, OUTCOMES

CATEGORIES = "categories"
"""A column beside those of `OUTCOMES`: how many categories a page showed, summed over the pages."""

_CREDITED = [column for columns in CREDITED.values() for column in columns]
_MORE = [CATEGORIES, *_CREDITED]

LIVED = pa.schema(
    [
        *(field for field in OUTCOMES if field.name != "latency_ms"),
        *((name, pa.float64()) for name in _MORE),
    ]
)
"""Columns of a simulation's outcomes: `OUTCOMES` without times, which nobody waited for, and with
what is credited to arms that interleave."""

_KINDS = {"clicks": CLICK, "installs": INSTALL, "uninstalls": UNINSTALL}


def exposures(world: World, log: DayLog, experiment: str, arm: str, bundle: str | None) -> pa.Table:
    """Each user's first request at home, as `EXPOSURES`."""
    requests = log.requests
    at_home = np.flatnonzero(requests.shelf == HOME)
    users, first = np.unique(requests.user[at_home], return_index=True)
    midnight = np.datetime64(log.day, "us")
    columns = {
        "user_id": world.users.user_id.take(pa.array(users)),
        "experiment": pa.repeat(experiment, len(users)),
        "arm": pa.repeat(arm, len(users)),
        "bundle": pa.array([bundle] * len(users), pa.string()),
        "time": pa.array(midnight + requests.time[at_home[first]], EXPOSURES.field("time").type),
    }
    return pa.table(columns, schema=EXPOSURES)


def outcomes(world: World, log: DayLog, num_users: int, credits: Floats | None = None) -> pa.Table:
    """Sums over a day's pages at home, for each of the first users who had one, as `LIVED`.

    Args:
        world: whose users.
        log: the day.
        num_users: of the first users.
        credits: `[4, num_users]`, as `data.simulation.interleaved.credited` has it; None for zeros.
    """
    requests = log.requests
    at_home = (requests.shelf == HOME) & (requests.user < num_users)
    shown = log.pages >= 0
    sums = {
        "pages": _by_user(requests.user, at_home, num_users),
        "empty_pages": _by_user(requests.user, at_home & ~shown.any(axis=1), num_users),
        "impressions": _by_user(requests.user, at_home, num_users, shown.sum(axis=1)),
        CATEGORIES: _by_user(requests.user, at_home, num_users, _num_categories(world, log)),
    }
    done = log.outcomes
    for name, kind in _KINDS.items():
        sums[name] = _by_user(done.user, (done.kind == kind) & at_home[done.request], num_users)
    sums |= zip(_CREDITED, np.zeros((4, num_users)) if credits is None else credits, strict=True)
    users = np.flatnonzero(sums["pages"])
    columns: dict[str, Any] = {name: values[users] for name, values in sums.items()}
    columns["user_id"] = world.users.user_id.take(pa.array(users))
    columns["day"] = pa.repeat(pa.scalar(log.day, pa.date32()), len(users))
    return pa.table([columns[field.name] for field in LIVED], schema=LIVED)


def _num_categories(world: World, log: DayLog) -> Integers:
    """Distinct categories of each page, `[num_requests]`."""
    category = np.where(log.pages >= 0, world.apps(log.day).category[log.pages], -1)
    num: Integers = ((category >= 0) & ~repeated(category)).sum(axis=1)
    return num


def _by_user(
    users: Integers, counted: Booleans, num_users: int, weights: Integers | None = None
) -> Floats:
    chosen = None if weights is None else weights[counted]
    return np.bincount(users[counted], chosen, num_users).astype(np.float64)
