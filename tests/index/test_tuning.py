from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys import config, index
from recsys.index.faiss_index import InvertedLists
from recsys.index.tuning import NUM_QUERIES, ann_recall

random = np.random.default_rng(3)
_drawn = random.normal(size=(4_000, 12)).astype(np.float32)
VECTORS: NDArray[np.float32] = _drawn / np.linalg.norm(_drawn, axis=1, keepdims=True)
QUERIES = VECTORS[:300] + 0.1 * random.normal(size=(300, 12)).astype(np.float32)


def settings(**values: object) -> config.Index:
    return config.Index.model_validate({"kind": "ivf", "num_lists": 64, **values})


def test_the_fewest_probes_that_reach_the_target_are_taken() -> None:
    points = [
        index.tuned(settings(target_recall=target), VECTORS, QUERIES, 20)[1]
        for target in (0.2, 0.6, 0.9)
    ]
    probes = [point.num_probes or 0 for point in points]
    assert probes == sorted(probes)
    assert probes[0] < probes[-1] < 64
    for point in points:
        assert point.ann_recall >= (point.target_recall or 2)
        assert (point.kind, point.num_lists, point.k) == ("ivf", 64, 20)
        assert (point.measured_on, point.num_queries) == ("queries", NUM_QUERIES)
        fixed = settings(num_probes=max(1, (point.num_probes or 0) // 2))
        below = index.tuned(fixed, VECTORS, QUERIES, 20)[1]
        assert below.ann_recall < (point.target_recall or 0) or point.num_probes == 1


def test_the_index_is_searched_as_its_point_says() -> None:
    found, point = index.tuned(settings(target_recall=0.8), VECTORS, QUERIES, 20)
    assert isinstance(found, InvertedLists)
    assert found.num_probes == point.num_probes


def test_a_number_of_probes_that_is_named_is_measured_and_not_changed() -> None:
    _, point = index.tuned(settings(num_probes=5), VECTORS, None, 20)
    assert (point.num_probes, point.target_recall, point.measured_on) == (5, None, "apps")
    assert 0 < point.ann_recall < 1
    _, every = index.tuned(settings(num_probes=999), VECTORS, None, 20)
    assert every.num_probes == 64


def test_a_target_beyond_reach_takes_the_most_that_is_tried_and_says_what_it_finds() -> None:
    _, point = index.tuned(settings(target_recall=1.0), VECTORS, QUERIES, 20)
    assert point.num_probes == 16
    assert point.ann_recall < 1.0


def test_the_same_vectors_make_the_same_point() -> None:
    first, second = (index.tuned(settings(), VECTORS, QUERIES, 20)[1] for _ in range(2))
    assert first == second


def test_small_catalogues_are_searched_exactly() -> None:
    _, point = index.tuned(config.Index(), VECTORS[:30], None, 150)
    assert dataclasses.asdict(point) == {
        "kind": "brute_force",
        "num_rows": 30,
        "num_lists": None,
        "num_probes": None,
        "ann_recall": 1.0,
        "k": 30,
        "target_recall": None,
        "num_queries": 30,
        "measured_on": "apps",
    }


def test_recall_is_the_share_of_the_nearest_that_are_found() -> None:
    nearest = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert ann_recall(np.array([[4, 3, 9, -1], [8, 7, 6, 5]]), nearest) == pytest.approx(0.75)
    assert ann_recall(nearest[:0], nearest[:0]) == 1.0
