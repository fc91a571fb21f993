import math

import pytest

from recsys.reports.axes import Axis


def labels(*values: float) -> list[str]:
    return [tick.label for tick in Axis.over(values).ticks]


def test_an_axis_begins_and_ends_at_ticks_and_holds_all_values() -> None:
    axis = Axis.over([0.137, 0.052, 0.241])
    assert [tick.label for tick in axis.ticks] == ["0.05", "0.10", "0.15", "0.20", "0.25"]
    assert [tick.place for tick in axis.ticks] == [0, 25, 50, 75, 100]
    assert axis.at(0.05) == pytest.approx(0)
    assert axis.at(0.20) == pytest.approx(75)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((-0.031, 0.012), ["-0.04", "-0.03", "-0.02", "-0.01", "0.00", "0.01", "0.02"]),
        ((0, 37_547), ["0", "10 k", "20 k", "30 k", "40 k"]),
        ((0, 2_400_000), ["0.0", "0.5 M", "1.0 M", "1.5 M", "2.0 M", "2.5 M"]),
        ((0, 31_000_000), ["0", "10 M", "20 M", "30 M", "40 M"]),
        ((0, 4_000), ["0", "1,000", "2,000", "3,000", "4,000"]),
        ((0, 1), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((3, 7), ["3", "4", "5", "6", "7"]),
    ],
)
def test_ticks_are_round(values: tuple[float, ...], ticks: list[str]) -> None:
    assert labels(*values) == ticks


def test_what_is_a_tick_but_for_rounding_begins_no_step_of_its_own() -> None:
    assert labels(0.1 + 0.2, 0.7)[0] == "0.3"


def test_equal_values_stand_in_the_middle() -> None:
    for value in (0.25, -3.0, 0.0, 41_000.0):
        assert Axis.over([value, value]).at(value) == pytest.approx(50, abs=20)


def test_what_is_no_number_moves_no_axis() -> None:
    assert labels(0.0, math.nan, math.inf, 1.0) == labels(0.0, 1.0)
    assert labels(math.nan) == labels() == labels(0.0, 1.0)
