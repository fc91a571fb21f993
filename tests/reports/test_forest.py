import math

from recsys.reports.forest import Mark, Row, forest


def mark(value: float, low: float, high: float, beside: float | None = None) -> Mark:
    return Mark(value, (low, high), beside, f"{value:.1f}", "in words")


def row(name: str, *marks: Mark | None) -> Row:
    return Row(name, ("100",), marks)


def test_all_rows_of_a_panel_lie_on_one_axis() -> None:
    plot = forest(
        ("slice", "users"),
        [("value", 0.3), ("change", 0.0)],
        [
            row("a", mark(0.2, 0.1, 0.3, 0.5), mark(-0.3, -0.4, -0.2)),
            row("b", mark(0.4, 0.35, 0.45), mark(0.1, 0.0, 0.2)),
        ],
    )
    value, change = plot.panels
    assert (value.axis.low, value.axis.high) == (0.1, 0.5)
    assert (change.axis.low, change.axis.high) == (-0.4, 0.2)
    first = plot.rows[0].marks[0]
    assert first is not None
    assert value.point(first.value) == "M25 50h0"
    assert value.between(first.interval) == "M0 50H50"
    assert value.across(first.beside) == "M100 0V100"
    assert value.across(value.line) == "M50 0V100"


def test_the_line_has_a_place_wherever_the_marks_are() -> None:
    [panel] = forest(("slice",), [("change", 0.0)], [row("a", mark(0.7, 0.6, 0.8))]).panels
    assert panel.axis.low == 0
    assert panel.across(panel.line) == "M0 0V100"


def test_what_is_no_number_draws_nothing() -> None:
    nan = math.nan
    broken = mark(nan, nan, nan, nan)
    rows = [row("a", broken), row("b", None), row("c", mark(0.5, 0.4, 0.6))]
    [panel] = forest(("slice",), [("value", nan)], rows).panels
    assert panel.axis.low <= 0.4 and panel.axis.high >= 0.6
    for path in (
        panel.point(broken.value),
        panel.between(broken.interval),
        panel.between(None),
        panel.across(broken.beside),
        panel.across(panel.line),
        panel.across(None),
    ):
        assert path == ""
