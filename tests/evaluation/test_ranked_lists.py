from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score

from recsys.evaluation.ranked_lists import (
    ann_recall_at_k,
    hit_rate_at_k,
    ndcg_at_k,
    recall_at_k,
    reciprocal_rank_at_k,
)

PAGE = ["a", "b", "c", "d", "e"]


def hits(relevant: set[str], page: list[str] = PAGE, depth: int = 5) -> NDArray[np.bool_]:
    """One user's row."""
    return np.array([[place < len(page) and page[place] in relevant for place in range(depth)]])


def count(relevant: set[str]) -> NDArray[np.int64]:
    return np.array([len(relevant)])


@pytest.mark.parametrize(
    ("relevant", "k", "recall", "ndcg", "reciprocal_rank", "hit_rate"),
    [
        ({"a"}, 1, 1.0, 1.0, 1.0, 1.0),
        ({"b"}, 1, 0.0, 0.0, 0.0, 0.0),
        ({"b"}, 5, 1.0, 1 / math.log2(3), 1 / 2, 1.0),
        ({"b", "e"}, 3, 0.5, 1 / math.log2(3) / (1 + 1 / math.log2(3)), 1 / 2, 1.0),
        # Places 1 and 3 where places 1 and 2 would be best.
        ({"a", "c"}, 5, 1.0, (1 + 1 / 2) / (1 + 1 / math.log2(3)), 1.0, 1.0),
        # One of three relevant found, at the first of two places.
        ({"a", "x", "y"}, 2, 1 / 3, 1 / (1 + 1 / math.log2(3)), 1.0, 1.0),
        ({"c", "d"}, 5, 1.0, (1 / 2 + 1 / math.log2(5)) / (1 + 1 / math.log2(3)), 1 / 3, 1.0),
        ({"x"}, 5, 0.0, 0.0, 0.0, 0.0),
        (set(PAGE), 5, 1.0, 1.0, 1.0, 1.0),
        # More relevant apps than places: recall can't reach 1, nDCG can.
        (set("abcdefgh"), 5, 5 / 8, 1.0, 1.0, 1.0),
        ({"e"}, 100, 1.0, 1 / math.log2(6), 1 / 5, 1.0),
    ],
)
def test_values_worked_out_by_hand(
    relevant: set[str], k: int, recall: float, ndcg: float, reciprocal_rank: float, hit_rate: float
) -> None:
    row, num = hits(relevant), count(relevant)
    assert recall_at_k(row, num, k) == pytest.approx([recall])
    assert ndcg_at_k(row, num, k) == pytest.approx([ndcg])
    assert reciprocal_rank_at_k(row, k) == pytest.approx([reciprocal_rank])
    assert hit_rate_at_k(row, k) == pytest.approx([hit_rate])


def test_a_short_or_empty_page_is_measured_like_any_other() -> None:
    assert recall_at_k(hits({"a"}, []), count({"a"}), 10) == [0.0]
    assert ndcg_at_k(hits({"a"}, []), count({"a"}), 10) == [0.0]
    assert reciprocal_rank_at_k(hits({"a"}, []), 10) == [0.0]
    relevant = {"a", "b"}
    assert recall_at_k(hits(relevant, ["a"]), count(relevant), 10) == [0.5]
    assert ndcg_at_k(hits(relevant, ["a"]), count(relevant), 10) == pytest.approx(
        [1 / (1 + 1 / math.log2(3))]
    )


def random_hits(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    found = random.random((300, 20)) < 0.1
    return found, found.sum(axis=1) + random.integers(1, 4, size=300)


@pytest.mark.parametrize("k", [1, 3, 10, 20])
def test_every_metric_lies_between_none_and_all_and_users_do_not_meddle(k: int) -> None:
    found, num = random_hits(k)
    order = np.random.default_rng(1).permutation(len(found))
    for metric in (recall_at_k, ndcg_at_k):
        values = metric(found, num, k)
        assert ((values >= 0) & (values <= 1)).all()
        assert metric(found[order], num[order], k) == pytest.approx(values[order])
        assert metric(found[:1], num[:1], k) == pytest.approx(values[:1])
    ranks, rates = reciprocal_rank_at_k(found, k), hit_rate_at_k(found, k)
    assert (ranks <= rates).all()
    assert ((recall_at_k(found, num, k) > 0) == (rates == 1)).all()


def test_a_longer_list_finds_no_less_and_a_hit_higher_up_is_worth_more() -> None:
    found, num = random_hits(0)
    for metric in (reciprocal_rank_at_k, hit_rate_at_k):
        assert (np.diff([metric(found, k) for k in (1, 5, 20)], axis=0) >= 0).all()
    assert (np.diff([recall_at_k(found, num, k) for k in (1, 5, 20)], axis=0) >= 0).all()
    at_each_place = ndcg_at_k(np.eye(10, dtype=np.bool_), np.full(10, 3), 10)
    assert (np.diff(at_each_place) < 0).all()


def test_ndcg_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(3)
    relevance = random.random((50, 12)) < 0.3
    relevance[:, 0] |= ~relevance.any(axis=1)
    scores = random.random((50, 12))
    order = np.argsort(-scores, axis=1)
    found = np.take_along_axis(relevance, order, axis=1)
    for k in (1, 4, 12):
        mine = ndcg_at_k(found, relevance.sum(axis=1), k)
        theirs = [
            ndcg_score([row], [score], k=k) for row, score in zip(relevance, scores, strict=True)
        ]
        assert mine == pytest.approx(theirs)


def test_what_an_index_finds_counts_by_identity() -> None:
    exact = np.array([[1, 2, 3], [4, 5, 6]])
    assert ann_recall_at_k(exact, exact) == 1.0
    assert ann_recall_at_k(exact[:, ::-1], exact) == 1.0
    assert ann_recall_at_k(np.array([[1, 2, 9], [9, 8, 7]]), exact) == pytest.approx(2 / 6)


def test_an_index_of_fewer_rows_than_were_asked_for_can_be_whole() -> None:
    exact = np.array([[1, 2, -1]])
    assert ann_recall_at_k(np.array([[2, 1, -1]]), exact) == 1.0
    assert ann_recall_at_k(np.array([[2, -1, -1]]), exact) == 0.5
    assert math.isnan(ann_recall_at_k(np.full((1, 2), -1), np.full((1, 2), -1)))
