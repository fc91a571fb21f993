from __future__ import annotations

import datetime as dt

import numpy as np

from data.arrays import Integers
from data.day import CLICK, INSTALL, UNINSTALL, DayLog, Outcomes
from data.policy import HOME, Shown
from data.requests import Requests
from data.simulation.interleaved import Interleaved, credited
from recsys.experiments.interleaving import InterleavedPage

DAY = dt.date(2024, 3, 1)
FIRST, SECOND = [0, 1, 2, 3], [7, 1, 0, -1]


class Shows:
    """A front that has one page for everybody."""

    def __init__(self, apps: list[int]) -> None:
        self._apps = np.array(apps, np.int32)

    def __call__(self, requests: Requests, installed: Integers) -> Shown:
        pages = np.tile(self._apps, (len(requests), 1))
        return Shown(pages, np.ones(pages.shape, np.float32))


def asked(user: list[int], time: list[int], shelf: int = HOME) -> Requests:
    return Requests(
        np.array(user, np.int32), np.array(time, np.int64), np.full(len(user), shelf, np.int32)
    )


def home() -> Interleaved:
    return Interleaved(Shows(FIRST), Shows(SECOND), DAY, 4)


def test_two_fronts_take_turns_on_each_page() -> None:
    """Each round has an app of either, the best that isn't there yet. Who begins may change which,
    so there are these pages and no others."""
    requests = asked(list(range(200)), list(range(200)))
    front = home()
    shown = front(requests, np.full((200, 1), -1, np.int32))
    assert (shown.propensity == 1).all()
    assert {tuple(page) for page in shown.pages.tolist()} == {
        (0, 7, 1, 2),  # the first begins; in the second round it takes 1, or the second does
        (7, 0, 1, 2),  # and the first has 2 left, as the second has nothing
    }
    for page, user in zip(shown.pages.tolist(), range(200), strict=True):
        draft = front.drafts[user, user]
        assert [int(app) for app in draft.app_ids] == page
    again = home()(requests, np.full((200, 1), -1, np.int32))
    assert (again.pages == shown.pages).all()


def test_what_users_do_is_credited_to_who_put_the_app_there() -> None:
    """By hand: users 4 and 5 of a part that begins with 4; a page of 0 and 1 by the first and 7 and
    2 by the second."""
    front = home()
    page = InterleavedPage(("0", "7", "1", "2"), ("first", "second", "first", "second"))
    front.drafts = {(4, 10): page, (4, 20): page, (5, 30): page}
    events = [
        # request, user, app, kind
        (0, 4, 0, CLICK),
        (0, 4, 0, INSTALL),
        (0, 4, 7, CLICK),
        (1, 4, 1, CLICK),
        (1, 4, 1, INSTALL),
        (1, 4, 1, UNINSTALL),
        (2, 5, 2, CLICK),
        (2, 5, 2, INSTALL),
        (3, 5, 7, CLICK),  # of a search: nobody's
        (3, 5, 7, INSTALL),
    ]
    request, user, app, kind = np.array(events, np.int32).T
    done = Outcomes(request, user, app, kind, np.arange(len(events), dtype=np.int64))
    requests = asked([4, 4, 5, 5], [10, 20, 30, 40])
    log = DayLog(DAY, requests, np.zeros((4, 4), np.int32), np.ones((4, 4), np.float32), done)
    assert credited(log, front, slice(4, 7)).tolist() == [
        [2, 0, 0],  # clicks of the first
        [1, 1, 0],
        [2, 0, 0],  # installs of the first
        [0, 1, 0],
    ]
    assert not credited(log, Shows(FIRST), slice(4, 7)).any()
