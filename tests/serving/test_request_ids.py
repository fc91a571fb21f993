from __future__ import annotations

import datetime as dt
import re

import pytest

from serving import request_ids

NOON = dt.datetime(2024, 3, 14, 12, 0, 0, 123_456, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def test_an_id_says_when_its_request_came() -> None:
    made = request_ids.new(NOON)
    assert re.fullmatch("[0-9a-f]{32}", made)
    asked = request_ids.asked_at(made, NOON + DAY, 2 * DAY)
    assert asked == NOON.replace(microsecond=123_000)


def test_ids_differ_and_are_in_no_order_of_time() -> None:
    times = [NOON + dt.timedelta(milliseconds=number) for number in range(100)]
    ids = [request_ids.new(time) for time in times]
    assert len({*ids, *(request_ids.new(NOON) for _ in range(100))}) == 200
    assert ids != sorted(ids)


@pytest.mark.parametrize(
    "other",
    [None, "", "r1", "g" * 32, "f" * 32, "0" * 32, "é" * 32],
)
def test_other_ids_say_nothing(other: str | None) -> None:
    assert request_ids.asked_at(other, NOON, DAY) is None


def test_an_id_with_a_letter_more_says_nothing() -> None:
    made = request_ids.new(NOON)
    assert request_ids.asked_at(made, NOON, DAY) is not None
    assert request_ids.asked_at(made + "0", NOON, DAY) is None


def test_times_of_the_future_and_of_long_ago_are_not_believed() -> None:
    made = request_ids.new(NOON)
    assert request_ids.asked_at(made, NOON - DAY, 7 * DAY) is None
    assert request_ids.asked_at(made, NOON + 2 * DAY, DAY) is None
    assert request_ids.asked_at(made, NOON + DAY, DAY + dt.timedelta(milliseconds=1)) is not None
