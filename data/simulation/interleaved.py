"""Two fronts at one home: they take turns to put apps on each page, and what users do with an app
is credited to the front that put it there."""

from __future__ import annotations

import datetime as dt

import numpy as np

from data.arrays import Floats, Integers
from data.day import CLICK, INSTALL, DayLog, Front
from data.policy import Shown
from data.requests import Requests
from recsys.experiments.interleaving import InterleavedPage, team_draft


class Interleaved:
    """Pages of two fronts by team draft, in rows of the world's apps.

    Args:
        first: makes a page for each request, from which its team is picked.
        second: the same.
        day: seeds the coins, with the user and the time of a request.
        page_size: length of a page.
    """

    def __init__(self, first: Front, second: Front, day: dt.date, page_size: int) -> None:
        self._fronts, self._page_size = (first, second), page_size
        self._salt = f"interleaved/{day.isoformat()}"
        self.drafts: dict[tuple[int, int], InterleavedPage] = {}
        """The pages so far, by user and time."""

    def __call__(self, requests: Requests, installed: Integers) -> Shown:
        """A page each, whose propensity is 1: the coins are told by the request."""
        made = [front(requests, installed).pages for front in self._fronts]
        pages = np.full((len(requests), self._page_size), -1, np.int32)
        keys = zip(requests.user.tolist(), requests.time.tolist(), strict=True)
        for page, key, *both in zip(pages, keys, *made, strict=True):
            draft = self._drafted(key, *both)
            self.drafts[key] = draft
            page[: len(draft.app_ids)] = [int(app) for app in draft.app_ids]
        return Shown(pages, (pages >= 0).astype(np.float32))

    def _drafted(self, key: tuple[int, int], first: Integers, second: Integers) -> InterleavedPage:
        one, other = ([str(app) for app in page[page >= 0]] for page in (first, second))
        return team_draft(one, other, self._page_size, self._salt, f"{key[0]}/{key[1]}")


def credited(log: DayLog, home: Front, users: slice) -> Floats:
    """What users did that is credited to either front.

    Args:
        log: a day of these users.
        home: what made their pages at home.
        users: which of the world's.

    Returns:
        `[4, num_users]`, as the columns `recsys.experiments.tables.CREDITED`; zeros where nobody
        interleaved.
    """
    found = np.zeros((4, users.stop - users.start))
    if not isinstance(home, Interleaved):
        return found
    for row, kind in ((0, CLICK), (2, INSTALL)):
        done = log.outcomes.of(kind)
        times = log.requests.time[done.request]
        events = zip(done.user.tolist(), times.tolist(), done.app.tolist(), strict=True)
        for user, time, app in events:
            if draft := home.drafts.get((user, time)):
                found[row : row + 2, user - users.start] += draft.credit({str(app)})
    return found
