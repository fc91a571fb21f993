import math

from recsys.reports.axes import Axis
from recsys.reports.charts import Plane, Shape

PLANE = Plane(Axis(0, 10, 5), Axis(0, 4, 1))


def test_a_line_runs_upwards_where_values_grow() -> None:
    assert PLANE.line([(0, 0), (5, 1), (10, 4)]) == "M0 100L50 75L100 0"


def test_a_line_has_a_gap_where_a_value_is_no_number() -> None:
    broken = [(0, 0), (2, math.nan), (5, 1), (10, 4)]
    assert PLANE.line(broken) == "M0 100M50 75L100 0"
    assert PLANE.line([(0, math.inf)]) == PLANE.line([]) == ""


def test_dots_and_whiskers() -> None:
    assert PLANE.dots([(5, 2), (10, math.nan)]) == "M50 50h0"
    assert PLANE.whisker(5, (1, 3)) == "M50 75L50 25"


def test_axes_have_room_for_all_points() -> None:
    plane = Plane.over([(3, 0.2), (9, 0.7)])
    assert plane.x.low <= 3 and plane.x.high >= 9
    assert plane.y.low <= 0.2 and plane.y.high >= 0.7


def test_a_chart_leaves_out_what_there_is_nothing_of() -> None:
    line = Shape("now-line", PLANE.line([(0, 0), (1, 1)]))
    assert PLANE.chart([Shape("before", PLANE.line([])), line]).shapes == (line,)


def test_a_band_goes_round_intervals_and_ends_where_the_axis_does() -> None:
    band = PLANE.band([(0, (1, 2)), (5, (-9, math.inf)), (10, (0, 99))])
    assert band == "M0 50L100 0L100 100L0 75Z"  # one end is infinite, another beyond the axis
    assert PLANE.band([(0, (math.nan, 1))]) == ""
