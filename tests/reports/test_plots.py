import pytest

from recsys.reports import plots
from recsys.reports.plots import Buckets


def test_buckets_become_steps_from_the_ground_to_the_ground() -> None:
    drawn = plots.steps(Buckets((0, 1, 2, 4), (1, 4, 2)))
    assert drawn is not None
    assert drawn.now == "M0 64V48H75V0H150V32H300V64"
    assert (drawn.before, drawn.low, drawn.high, drawn.most) == ("", 0, 4, 4)


def test_both_are_drawn_on_the_same_axes() -> None:
    drawn = plots.steps(Buckets((0, 100), (1,)), Buckets((0, 1), (2,)))
    assert drawn is not None
    assert drawn.now == "M0 64V32H300V64"
    assert drawn.before == "M0 64V0H3V64"


def test_what_is_constant_is_still_seen() -> None:
    drawn = plots.steps(Buckets((7, 7), (5,)))
    assert drawn is not None
    assert drawn.now == "M150 64V0H152V64"


@pytest.mark.parametrize("before", [None, Buckets((0, 1), (3,))])
def test_nothing_now_leaves_what_was(before: Buckets | None) -> None:
    drawn = plots.steps(None, before)
    assert (drawn is None) == (before is None)
    assert drawn is None or (drawn.now == "" and drawn.before != "")


def test_buckets_that_hold_nothing_lie_on_the_ground() -> None:
    drawn = plots.steps(Buckets((0, 1, 2), (0, 0)))
    assert drawn is not None
    assert drawn.now == "M0 64V64H150V64H300V64"
