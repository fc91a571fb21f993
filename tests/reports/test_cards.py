"""Cards of features whose statistics are really computed, from columns given by hand."""

from collections.abc import Sequence
from typing import Any

import ibis
import pyarrow as pa
import pytest

from recsys import config
from recsys.features import statistics
from recsys.reports import cards
from recsys.reports.cards import Bar, Card, Seen


def seen(span: str, name: str, values: Sequence[Any]) -> Seen:
    table = ibis.memtable(pa.table({name: values}))
    computed = statistics.compute(config.Engine(), {"examples": table})
    return Seen(span, statistics.features(computed)[name], len(values))


def card(now: Sequence[Any], before: Sequence[Any] | None = None, name: str = "x") -> Card:
    past = None if before is None else seen("1 Mar", name, before)
    return cards.card(seen("2 Mar", name, now), past)


def test_a_number_lies_over_the_one_before_on_one_axis() -> None:
    of_price = card([0.0, 1.0, 2.0, None], [0.0, 3.0, 4.0, 5.0], "price")
    assert (of_price.name, of_price.kind) == ("price", "number")
    assert of_price.ends == ("0", "5")
    assert of_price.steps is not None and of_price.steps.now and of_price.steps.before
    figures = dict(zip(of_price.headings, of_price.rows[0][1:], strict=True))
    assert figures["present"] == "75.0%"
    assert (figures["mean"], figures["min"], figures["max"]) == ("1", "0", "2")
    assert figures["zero"] == "33.3%"
    assert [row[0] for row in of_price.rows] == ["2 Mar", "1 Mar"]
    assert "NaN" not in of_price.headings


def test_nan_has_a_column_where_either_span_has_some() -> None:
    nan = float("nan")
    assert card([1.0, nan], [1.0, 2.0]).headings[-1] == "NaN"
    assert card([1.0, 2.0], [1.0, nan, nan, nan]).rows[1][-1] == "75.0%"


def test_a_number_without_values_has_no_plot() -> None:
    nothing = card(pa.array([None, None], pa.float32()))
    assert nothing.steps is None
    assert nothing.rows[0][1] == "0%"


def test_values_of_both_spans_show_what_is_new_and_what_is_gone() -> None:
    of_country = card(["de"] * 6 + ["us"] * 4, ["DE"] * 5 + ["us"] * 5)
    assert of_country.bars == (
        Bar("de", 0.6, 0.0, "new"),
        Bar("DE", 0.0, 0.5, "gone"),
        Bar("us", 0.4, 0.5, ""),
    )
    assert of_country.longest == 0.6
    assert of_country.rest == ""


def test_on_the_first_span_nothing_is_new() -> None:
    assert card(["de", "de", "us", "us"]).bars == (
        Bar("de", 0.5, None, ""),
        Bar("us", 0.5, None, ""),
    )


def test_what_the_bars_leave_out_is_counted() -> None:
    values = [f"v{i}" for i in range(10) for _ in range(10)]
    many = card(values)
    assert len(many.bars) == cards.NUM_BARS
    assert many.rest == "and 4 more values, 40.0%"


def test_keys_get_no_bars() -> None:
    keys = card([f"r{i}" for i in range(100)])
    assert (keys.bars, keys.rest) == ((), "nearly every value occurs once")


def test_a_list_shows_how_many_values_a_row_has() -> None:
    lists = card([["a", "b"], ["a", "b", "a", "b"]])
    assert lists.kind == "list of strings"
    assert lists.rows == (("2 Mar", "100%", "2", "3", "4"),)
    assert lists.headings == ("present", "distinct", "values a row", "at most")


@pytest.mark.parametrize("name", ["time", "release_day"])
def test_times_read_as_times(name: str) -> None:
    noon = 12 * 3_600
    of_time = card([0, noon], name=name)
    assert of_time.kind == "time"
    assert of_time.ends == ("1 Jan 00:00", "1 Jan 12:00")


def test_a_time_that_no_calendar_has_still_shows() -> None:
    milliseconds_read_as_seconds = 1_709_337_600_000 * 1_000
    assert card([0, milliseconds_read_as_seconds], name="time").ends[1].endswith(" s")
