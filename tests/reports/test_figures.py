import math

import pytest

from recsys.reports import figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (41_203, "41,203"),
        (41_203.6, "41,200"),
        (9.999, "10.0"),
        (0.012345, "0.0123"),
        (0.00001234, "1.23e-05"),
        (-4.256, "-4.26"),
        (999_999.5, "1.00 M"),
        (3_174_000.2, "3.17 M"),
        (2.5e9, "2.50 G"),
        (1e21, "1.00e+21"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (math.nan, "-"),
        (None, "-"),
    ],
)
def test_measured_values_have_three_significant_digits(value: float | None, text: str) -> None:
    assert figures.figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.3127, "31.3%"),
        (0.0042, "0.42%"),
        (0.9987, "99.87%"),
        (0.000001, "<0.01%"),
        (0.999999, ">99.99%"),
        (18.362, "1,836%"),
        (None, "-"),
    ],
)
def test_a_share_reads_as_none_or_all_only_where_it_is(value: float | None, text: str) -> None:
    assert figures.share(value) == text


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (0.107886, "", "0.1079"),
        (12_345.67891, "", "12,345.6789"),
        (1, "", "1"),
        (0, "", "0"),
        (0.0046, "+", "+0.0046"),
        (0, "+", "+0.0000"),
        (-0.2, "", "-0.2000"),
        (math.nan, "", "NaN"),
        (math.nan, "+", "NaN"),
        (None, "", "-"),
    ],
)
def test_metrics_have_the_decimals_that_gates_give_them(
    value: float | None, sign: str, text: str
) -> None:
    assert figures.metric(value, sign) == text


def test_intervals_are_in_brackets() -> None:
    assert figures.interval((0.09423, 0.12285)) == "[0.0942, 0.1229]"
    assert figures.interval((-0.5, 0.25), "+") == "[-0.5000, +0.2500]"
    assert figures.interval(None) == ""


def test_a_line_begins_with_a_capital_and_names_stay_themselves() -> None:
    assert figures.sentence("the ranker's AUC") == "The ranker's AUC"
    assert figures.sentence("nDCG@10 of the page") == "nDCG@10 of the page"
    assert figures.sentence("") == ""


def test_values_read_as_json_and_never_run_on() -> None:
    assert figures.value("DE") == '"DE"'
    assert figures.value(None) == "nothing"
    assert figures.value(["a", "ü"]) == '["a", "ü"]'
    assert len(figures.value("x" * 5_000)) == figures.MAX_VALUE_LENGTH + 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0231, "+2.31%"),
        (-0.0231, "-2.31%"),
        (0.0, "+0.00%"),
        (0.099996, "+10.0%"),
        (0.129, "+12.9%"),
        (12.5, "+1,250%"),
        (math.inf, "+∞"),
        (-math.inf, "-∞"),
        (math.nan, "-"),
        (None, "-"),
    ],
)
def test_a_change_has_its_sign(value: float | None, text: str) -> None:
    assert figures.change(value) == text


def test_an_interval_of_changes_is_left_out_where_an_end_is_not_known() -> None:
    assert figures.change_interval((0.012, math.inf)) == "[+1.20%, +∞]"
    assert figures.change_interval((math.nan, 0.1)) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "<0.001"),
        (0.00099, "<0.001"),
        (0.0312, "0.031"),
        (0.5, "0.50"),
        (1.0, "1.00"),
        (math.nan, "-"),
        (None, "-"),
    ],
)
def test_a_chance_says_no_more_than_tests_know(value: float | None, text: str) -> None:
    assert figures.p_value(value) == text
