from __future__ import annotations

import datetime as dt

import numpy as np
from scipy.stats import kstest

from data.arrays import Integers
from data.luck import Told
from data.requests import Requests
from data.streams import Streams

DAY = dt.date(2024, 3, 1)


def requests(users: Integers) -> Requests:
    return Requests(users, 1_000_000 * (users.astype(np.int64) % 7), np.zeros(len(users), np.int32))


def test_told_draws_are_uniform_and_know_nothing_of_each_other() -> None:
    asked = requests(np.arange(20_000))
    pages = np.tile(np.arange(3), (20_000, 1))
    lots = Told(Streams(1), DAY).of_acts(asked, pages)
    assert lots.shape == (4, 20_000, 3) and lots.dtype == np.float32
    assert (lots >= 0).all() and (lots < 1).all()
    columns = lots.transpose(0, 2, 1).reshape(12, -1)
    assert all(kstest(column, "uniform").pvalue > 1e-4 for column in columns)
    correlations = np.corrcoef(columns) - np.eye(12)
    assert np.abs(correlations).max() < 0.035  # five deviations
    neighbours = np.corrcoef(columns[0][1:], columns[0][:-1])[0, 1]
    assert abs(neighbours) < 0.035


def test_told_times_are_exponential_and_uniform() -> None:
    asked = requests(np.arange(20_000))
    reading, deciding, keeping = Told(Streams(1), DAY).of_times(asked, np.zeros(20_000, np.int32))
    assert kstest(reading, "expon").pvalue > 1e-4 and kstest(deciding, "expon").pvalue > 1e-4
    assert kstest(keeping, "uniform").pvalue > 1e-4


def test_luck_is_of_user_request_and_app_whatever_page_and_batch_they_are_on() -> None:
    luck = Told(Streams(1), DAY)
    whole = luck.of_acts(requests(np.arange(50)), np.tile([5, 9, 2], (50, 1)))
    alone = luck.of_acts(requests(np.array([33])), np.array([[2, 7, 5]]))
    assert (alone[:, 0, [2, 0]] == whole[:, 33, [0, 2]]).all()
    other_day = Told(Streams(1), dt.date(2024, 3, 2))
    later = Requests(np.array([33]), np.array([77]), np.array([0]))
    for another in (
        other_day.of_acts(requests(np.array([33])), np.array([[5, 9, 2]])),
        luck.of_acts(later, np.array([[5, 9, 2]])),
        Told(Streams(2), DAY).of_acts(requests(np.array([33])), np.array([[5, 9, 2]])),
    ):
        assert (another[:, 0] != whole[:, 33]).all()
