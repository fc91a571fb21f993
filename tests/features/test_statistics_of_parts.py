"""Statistics of slices, and of pairs of columns."""

import math
from typing import Any

import ibis
import pyarrow as pa
import pytest

from recsys import config
from recsys.errors import BadInput
from recsys.features import statistics

ENGINE = config.Engine()

QUERIES = pa.table({"country": ["BR", "BR", "DE", None], "age": [20, 30, 40, 50]})
EXAMPLES = pa.table(
    {
        "price": [0.0, 0.0, 2.0, 6.0, None, 4.0],
        "category": ["puzzle", "puzzle", "tools", "tools", "tools", None],
        "rating": [1, 2, 3, 4, 5, 3],
        "installed": [True, False, True, True, False, False],
        "devices": pa.array([["phone"], [], None, ["phone", "tv"], [], []], pa.list_(pa.string())),
    }
)


def compute(slices: dict[str, str] | None = None, pairs: Any = ()) -> Any:
    tables = {"queries": ibis.memtable(QUERIES), "examples": ibis.memtable(EXAMPLES)}
    wanted = config.Statistics(slices=slices or {}, pairs=pairs)
    return statistics.compute(ENGINE, tables, wanted)


def test_a_slice_is_a_dataset_beside_the_whole() -> None:
    found = compute({"paid": "price > 0", "country": "country"})
    sizes = {name: part.num_examples for name, part in statistics.slices(found).items()}
    assert sizes == {
        "examples[paid=true]": 3,
        "examples[paid=false]": 2,
        "queries[country=BR]": 2,
        "queries[country=DE]": 1,
    }
    assert [d.name for d in found.datasets][:2] == ["queries", "examples"]
    whole = compute()
    assert statistics.features(found) == statistics.features(whole)


def test_a_slice_has_the_figures_of_its_rows_over_the_buckets_of_the_whole() -> None:
    found = statistics.slices(compute({"paid": "price > 0"}))
    paid = statistics.features_of(found["examples[paid=true]"])
    assert (paid["price"].num_stats.mean, paid["price"].num_stats.min) == (4.0, 2.0)
    spread = statistics.histogram(paid["price"])
    assert spread is not None
    assert (spread.edges[0], spread.edges[-1], sum(spread.counts)) == (0.0, 6.0, 3)
    assert statistics.value_counts(paid["category"]) == {"tools": 2}
    assert statistics.common(paid["category"]).num_missing == 1
    assert statistics.value_counts(paid["devices"]) == {"phone": 1, "tv": 1}
    free = statistics.features_of(found["examples[paid=false]"])
    assert statistics.common(free["devices"]).tot_num_values == 1


def test_a_slice_without_any_value_of_a_column_has_it_missing() -> None:
    found = statistics.slices(compute({"category": "category = 'puzzle' and rating = 2"}))
    only = statistics.features_of(found["examples[category=true]"])
    assert statistics.common(only["devices"]).num_missing == 1
    assert statistics.value_counts(only["devices"]) == {}


def test_at_most_twenty_slices_are_made_the_most_frequent_ones() -> None:
    names = [f"c{number:02}" for number in range(30) for _ in range(30 - number)]
    tables = {"queries": ibis.memtable(pa.table({"country": names}))}
    wanted = config.Statistics(slices={"country": "country"})
    found = list(statistics.slices(statistics.compute(ENGINE, tables, wanted)))
    assert found == [f"queries[country=c{number:02}]" for number in range(20)]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("price >", "expected an SQL expression"),
        ("select price", "expected an SQL expression"),
        ("count(price)", "expected an SQL expression"),
        ("price > (select 1)", "expected an SQL expression"),
        ("weight > 0", "there is no weight"),
        ("age > 0 and price > 0", "no table has all that it names"),
        ("1 = 1", "it names none"),
        ("category + 1", "can't be computed over examples"),
    ],
)
def test_an_expression_that_fits_nothing_is_refused_by_name(expression: str, why: str) -> None:
    with pytest.raises(BadInput, match=r"statistics\.slices\.mine") as refused:
        compute({"mine": expression})
    assert why in str(refused.value)


def test_two_numbers_are_correlated() -> None:
    [cross] = compute(pairs=[("price", "rating")]).datasets[1].cross_features
    # Prices 0 0 2 6 4 and ratings 1 2 3 4 3: means 2.4 and 2.6.
    assert cross.count == 5
    assert cross.num_cross_stats.covariance == pytest.approx(2.16)
    deviations = math.sqrt(5.44 * 1.04)
    assert cross.num_cross_stats.correlation == pytest.approx(2.16 / deviations)


def test_a_constant_has_no_correlation() -> None:
    table = ibis.memtable(pa.table({"x": [1.0, 2.0], "y": [3, 3]}))
    wanted = config.Statistics(pairs=(("x", "y"),))
    [cross] = statistics.compute(ENGINE, {"examples": table}, wanted).datasets[0].cross_features
    assert (cross.num_cross_stats.correlation, cross.num_cross_stats.covariance) == (0, 0)


@pytest.mark.parametrize("pair", [("category", "installed"), ("installed", "category")])
def test_the_lift_of_a_category_with_the_label(pair: tuple[str, str]) -> None:
    [cross] = compute(pairs=[pair]).datasets[1].cross_features
    assert (cross.path_x.step, cross.path_y.step) == (["category"], ["installed"])
    [series] = cross.categorical_cross_stats.lift.lift_series
    assert (series.y_int, series.y_count, cross.count) == (1, 3, 6)
    lifts = {value.x_string: value for value in series.lift_values}
    # Half of all are installed: of the puzzles 1 in 2, of the tools 2 in 3.
    assert lifts["puzzle"].lift == pytest.approx(1.0)
    assert lifts["tools"].lift == pytest.approx(4 / 3)
    assert (lifts["tools"].x_count, lifts["tools"].x_and_y_count) == (3, 2)


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (("price", "country"), "two columns of queries or of examples"),
        (("price", "weight"), "two columns of queries or of examples"),
        (("category", "price"), "a category and a label"),
        (("devices", "installed"), "a category and a label"),
    ],
)
def test_a_pair_that_has_no_figures_is_refused_by_name(pair: tuple[str, str], why: str) -> None:
    with pytest.raises(BadInput, match=pair[0]) as refused:
        compute(pairs=[pair])
    assert why in str(refused.value)
