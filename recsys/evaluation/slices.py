"""What slices are made by: features of the query or of the app, and a few facts beside them.

| dimension        | values                                                                        |
|------------------|-------------------------------------------------------------------------------|
| a feature        | of kind `category`: its values                                                |
| `user_activity`  | how many apps the user had, in the bands of `evaluation.activity_bounds`      |
| `user_is_new`    | new: no request in the training window; known                                 |
| `app_popularity` | head: the apps that make half the window's installs; middle: the next 30 %;   |
|                  | tail: all others                                                              |
| `app_is_new`     | new: not installed in the training window; known                              |
| `price_band`     | in the bands of `evaluation.price_bounds`                                     |

A value that is not known is `missing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.config import Evaluation
from recsys.evaluation.apps import Apps
from recsys.evaluation.beyond_accuracy import head
from recsys.features.spec import Features, column_of

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

MISSING = "missing"
_OF_QUERY = ("user_activity", "user_is_new")
_OF_APP = ("app_popularity", "app_is_new", "price_band")


@dataclass(frozen=True)
class Labels:
    """The value of one dimension for each of some queries, or of some apps."""

    values: tuple[tuple[str, ...], ...]
    """Each is of one name, or of two where two dimensions are crossed."""
    codes: Integers
    """Places in `values`."""

    def take(self, rows: Integers) -> Labels:
        """The labels of rows."""
        return Labels(self.values, self.codes[rows])


@dataclass(frozen=True)
class Asked:
    """What is known of some queries."""

    columns: Mapping[str, Sequence[Any]]
    """Columns of the requests and users tables, by name; each `[num_queries]`."""
    num_installed: Integers
    """`[num_queries]`"""
    is_new: Booleans
    """`[num_queries]`, whether the user made no request in the training window."""


class Dimensions:
    """The dimensions that a configuration can slice by."""

    def __init__(self, features: Features, settings: Evaluation) -> None:
        self._features = features
        self._settings = settings

    def is_of_app(self, name: str) -> bool:
        """Whether a dimension describes the app rather than the query."""
        return name in _OF_APP or (name not in _OF_QUERY and self._features[name].table == "apps")

    def of_queries(self, name: str, asked: Asked) -> Labels:
        """The labels of queries, `[num_queries]`."""
        match name:
            case "user_activity":
                return by_band(
                    asked.num_installed.astype(np.float64), self._settings.activity_bounds
                )
            case "user_is_new":
                return _new_or_known(asked.is_new)
            case _:
                return by_value(asked.columns[column_of(name, self._features[name])])

    def of_apps(self, name: str, apps: Apps) -> Labels:
        """The labels of apps, `[num_apps + 1]`: the last one, which is also that of `NO_ROW`, is
        of the apps that are not in the catalogue."""
        match name:
            case "app_popularity":
                labels = _popularity(apps.num_installs)
            case "app_is_new":
                labels = _new_or_known(apps.num_installs == 0)
            case "price_band":
                labels = by_band(apps.prices, self._settings.price_bounds)
            case _:
                column = apps.table[column_of(name, self._features[name])]
                labels = by_value(column.to_pylist())
        # Whatever is not in the catalogue was not there to be trained on.
        value = ("new" if name == "app_is_new" else MISSING,)
        values = labels.values if value in labels.values else (*labels.values, value)
        return Labels(values, np.append(labels.codes, values.index(value)))


def by_value(values: Sequence[Any]) -> Labels:
    """Labels of a category."""
    texts = [MISSING if value in (None, "") else str(value) for value in values]
    names = sorted(set(texts))
    code_of = {name: code for code, name in enumerate(names)}
    return _labels(names, np.array([code_of[text] for text in texts], dtype=np.int64))


def by_band(numbers: NDArray[np.floating[Any]], bounds: Sequence[float]) -> Labels:
    """Labels of numbers: a band lies below the first bound, and one begins at each."""
    between = [f"{low:g} to <{high:g}" for low, high in pairwise(bounds)]
    names = [f"under {bounds[0]:g}", *between, f"{bounds[-1]:g} or more", MISSING]
    # At the numbers' own precision: a price of 0.99 is no less than a bound of 0.99.
    codes = np.searchsorted(np.array(bounds, dtype=numbers.dtype), numbers, side="right")
    return _labels(names, np.where(np.isnan(numbers), len(names) - 1, codes))


def crossed(first: Labels, second: Labels) -> Labels:
    """Labels of pairs: one of each for the same things."""
    values = tuple(one + other for one in first.values for other in second.values)
    return Labels(values, first.codes * len(second.values) + second.codes)


def _labels(names: Sequence[str], codes: Integers) -> Labels:
    return Labels(tuple((name,) for name in names), codes)


def _new_or_known(is_new: Booleans) -> Labels:
    return _labels(("known", "new"), is_new.astype(np.int64))


def _popularity(num_installs: Integers) -> Labels:
    """Head, middle and tail: the first half of installs, the next 30 %, and the rest, after
    Abdollahpouri et al. (FLAIRS 2019), who cut the tail off at a fifth."""
    codes = 2 - head(num_installs, 0.8).astype(np.int64) - head(num_installs, 0.5)
    return _labels(("head", "middle", "tail"), codes)
