"""What is on each user's device: a compact table of the last apps, updated in whole batches."""

from __future__ import annotations

import numpy as np

from data.arrays import Integers
from data.lists import turns

CAPACITY = 64


class InstalledApps:
    """Each user's apps, oldest first; a full list forgets its oldest app."""

    def __init__(self, num_users: int, capacity: int = CAPACITY) -> None:
        self.rows: Integers = np.full((num_users, capacity), -1, np.int32)
        """`[num_users, capacity]` rows of apps from the left, then -1."""
        self.lengths: Integers = np.zeros(num_users, np.int32)
        """`[num_users]`."""

    def of(self, users: Integers) -> Integers:
        """The lists of some users, `[n, longest of them]`, at least one column."""
        longest = int(self.lengths[users].max(initial=1))
        return self.rows[users, :longest]

    def add(self, users: Integers, apps: Integers) -> None:
        """Appends apps to users' lists; a user may occur several times, in order."""
        capacity = self.rows.shape[1]
        for user, app in _one_each(users, apps):
            full = user[self.lengths[user] == capacity]
            self.rows[full, :-1] = self.rows[full, 1:]
            self.lengths[full] -= 1
            self.rows[user, self.lengths[user]] = app
            self.lengths[user] += 1

    def remove(self, users: Integers, apps: Integers) -> None:
        """Takes apps off users' lists; an app that isn't there is passed over."""
        for user, app in _one_each(users, apps):
            gone = self.rows[user] == app[:, None]
            order = np.argsort(gone, axis=1, kind="stable")
            kept = np.take_along_axis(np.where(gone, -1, self.rows[user]), order, axis=1)
            self.rows[user] = kept
            self.lengths[user] -= gone.sum(1, dtype=np.int32)


def _one_each(users: Integers, apps: Integers) -> list[tuple[Integers, Integers]]:
    """Splits pairs into batches in which a user occurs once, each user's pairs in order."""
    turn = turns(users)
    return [(users[turn == t], apps[turn == t]) for t in range(int(turn.max(initial=-1)) + 1)]
