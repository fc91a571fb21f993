"""Requests of the world's users as the recommender is asked: rows become strings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import Integers
from data.lexicon import AGE_BANDS, COUNTRIES, DEVICES
from data.policy import HOME
from data.requests import Requests
from data.world import World
from recsys.query import Query

SURFACES = ("search", "home")

_CODES = [country.code for country in COUNTRIES]


class Asking:
    """What the store knows of the users of a world on one day."""

    def __init__(self, world: World, day: dt.date) -> None:
        people = world.users
        self.day = day
        self.user_ids: list[str] = people.user_id.to_pylist()
        self._app_ids: NDArray[Any] = np.array(world.apps(day).app_id.to_pylist(), object)
        self._row_of = {app_id: row for row, app_id in enumerate(self._app_ids)}
        self._midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
        self._columns: dict[str, Sequence[str]] = {
            "country": _words(_CODES, people.country),
            "language": people.language.to_pylist(),
            "device": _words(DEVICES, people.device),
            "age_band": _words(AGE_BANDS, people.age_band),
        }

    def columns(self, users: Sequence[int]) -> dict[str, list[str]]:
        """What is known of some users, whatever they ask."""
        return {name: [values[u] for u in users] for name, values in self._columns.items()}

    def queries(self, requests: Requests, installed: Integers, k: int) -> list[Query]:
        """A query for each request; `installed` is `[n, c]` rows of apps, -1 for none."""
        users = requests.user.tolist()
        known = self.columns(users) | {"surface": _words(SURFACES, requests.shelf == HOME)}
        rows = zip(*known.values(), strict=True)
        times = (self._midnight + dt.timedelta(microseconds=t) for t in requests.time.tolist())
        return [
            Query(
                user_id=self.user_ids[user],
                time=time,
                features=dict(zip(known, row, strict=True)),
                installed_app_ids=self._app_ids[apps[apps >= 0]].tolist(),
                k=k,
            )
            for user, time, row, apps in zip(users, times, rows, installed, strict=True)
        ]

    def app_rows(self, pages: Sequence[Sequence[str]], size: int) -> Integers:
        """Pages of app ids as rows of apps, `[n, size]`; -1 is an unknown app or none."""
        rows = np.full((len(pages), size), -1, np.int32)
        for row, page in zip(rows, pages, strict=True):
            found = [self._row_of.get(app_id, -1) for app_id in page[:size]]
            row[: len(found)] = found
        return rows


def _words(words: Sequence[str], rows: Any) -> list[str]:
    values: list[str] = np.array(words, object)[np.asarray(rows).astype(np.intp)].tolist()
    return values
