from __future__ import annotations

import math

import numpy as np
import pytest

from recsys.evaluation.metrics import (
    auc,
    bootstrap_interval,
    ndcg_at_k,
    recall_at_k,
)

PAGE = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("relevant", "k", "recall"),
    [
        ({"a"}, 1, 1.0),
        ({"b"}, 1, 0.0),
        ({"b", "e"}, 3, 0.5),
        ({"a", "b", "x", "y"}, 5, 0.5),
        ({"x"}, 5, 0.0),
        (set("abcdefgh"), 5, 5 / 8),
        ({"e"}, 100, 1.0),
    ],
)
def test_recall(relevant: set[str], k: int, recall: float) -> None:
    assert recall_at_k(PAGE, relevant, k) == pytest.approx(recall)


@pytest.mark.parametrize(
    ("relevant", "k", "ndcg"),
    [
        ({"a"}, 5, 1.0),
        ({"b"}, 5, 1 / math.log2(3)),
        ({"b"}, 1, 0.0),
        # Places 1 and 3 where places 1 and 2 would be best.
        ({"a", "c"}, 5, (1 + 1 / 2) / (1 + 1 / math.log2(3))),
        # One of three relevant found, at the first of two places.
        ({"a", "x", "y"}, 2, 1 / (1 + 1 / math.log2(3))),
        (set(PAGE), 5, 1.0),
        ({"x"}, 5, 0.0),
    ],
)
def test_ndcg(relevant: set[str], k: int, ndcg: float) -> None:
    assert ndcg_at_k(PAGE, relevant, k) == pytest.approx(ndcg)


def test_a_short_or_empty_page_is_measured_like_any_other() -> None:
    assert recall_at_k([], {"a"}, 10) == ndcg_at_k([], {"a"}, 10) == 0.0
    assert recall_at_k(["a"], {"a", "b"}, 10) == 0.5
    assert ndcg_at_k(["a"], {"a", "b"}, 10) == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_auc_counts_the_pairs_in_order() -> None:
    labels = np.array([True, False, True, False, False])
    scores = np.array([0.9, 0.8, 0.7, 0.7, 0.1], dtype=np.float32)
    # Of 2 x 3 pairs: .9 beats three; .7 beats .1, ties with .7 for a half, loses to .8.
    assert auc(labels, scores) == pytest.approx((3 + 1.5) / 6)
    assert auc(labels, -scores) == pytest.approx(1 - 4.5 / 6)
    assert math.isnan(auc(np.ones(3, dtype=bool), scores[:3]))
    assert math.isnan(auc(np.zeros(3, dtype=bool), scores[:3]))


def test_a_bootstrap_interval_is_the_normal_one_for_many_users() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=2_000)
    low, high = bootstrap_interval(values, seed=1)
    error = values.std() / math.sqrt(2_000)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)
    assert bootstrap_interval(values, seed=1) == (low, high)
    assert bootstrap_interval(values, seed=2) != (low, high)
    narrow = bootstrap_interval(values, seed=1, level=0.5)
    assert low < narrow[0] < values.mean() < narrow[1] < high


def test_the_interval_of_a_constant_is_that_constant() -> None:
    assert bootstrap_interval(np.full(7, 0.25), seed=0) == (0.25, 0.25)
    assert bootstrap_interval(np.array([0.5]), seed=0) == (0.5, 0.5)
