"""Our metrics beside those of RecTools 0.19.0 on the same toy.

RecTools needs NumPy 1 and can't be installed beside us, so what it gave stands here: `Recall`,
`HitRate`, `NDCG(divide_by_achievable=True)`, `MRR`, `CatalogCoverage(normalize=True)`,
`IntraListDiversity` with `PairwiseHammingDistanceCalculator` over one column of categories, and
`MeanInvUserFreq`, each `calc_per_user`.
"""

from __future__ import annotations

import numpy as np
import pytest

from recsys.evaluation import beyond_accuracy, ranked_lists

PAGES = np.array([[1, 2, 3, 4], [5, 1, 6, 2], [2, 7, 1, 8], [3, 9, 10, 1]])
RELEVANT: list[set[int]] = [{2, 9}, {5, 6, 2}, {10}, {1, 3, 9, 2, 5}]
CATEGORIES = np.array([0, 0, 0, 1, 1, 2, 0, 2, 1, 0, 2, 0, 0])
"""Of the apps 0 to 12; nothing shows 0, 11 or 12."""
TAKEN = [{1, 3, 5}, {1, 2}, {1, 2, 3, 4}, {1, 6}, {1, 2}, {7}, {1, 5}, {2, 3}]
"""By eight users before."""

HITS = np.array([[app in of for app in page] for page, of in zip(PAGES, RELEVANT, strict=True)])
NUM_RELEVANT = np.array([len(of) for of in RELEVANT])

RECTOOLS: dict[str, dict[int, list[float]]] = {
    "recall": {1: [0, 1 / 3, 0, 0.2], 3: [0.5, 2 / 3, 0, 0.4], 4: [0.5, 1, 0, 0.6]},
    "hit rate": {1: [0, 1, 0, 1], 3: [1, 1, 0, 1], 4: [1, 1, 0, 1]},
    "ndcg": {
        1: [0, 1, 0, 1],
        3: [0.38685280723454163, 0.7039180890341348, 0, 0.7653606369886218],
        4: [0.38685280723454163, 0.9060254355346824, 0, 0.8048099750039494],
    },
    "mrr": {1: [0, 1, 0, 1], 3: [0.5, 1, 0, 1], 4: [0.5, 1, 0, 1]},
}


@pytest.mark.parametrize("k", [1, 3, 4])
def test_ranked_lists(k: int) -> None:
    ours = {
        "recall": ranked_lists.recall_at_k(HITS, NUM_RELEVANT, k),
        "hit rate": ranked_lists.hit_rate_at_k(HITS, k),
        "ndcg": ranked_lists.ndcg_at_k(HITS, NUM_RELEVANT, k),
        "mrr": ranked_lists.reciprocal_rank_at_k(HITS, k),
    }
    for name, values in ours.items():
        assert values == pytest.approx(RECTOOLS[name][k]), name


def test_beyond_accuracy() -> None:
    assert beyond_accuracy.catalogue_coverage(PAGES, 12) == pytest.approx(0.8333333333333334)
    diversity = beyond_accuracy.intra_list_diversity(PAGES, CATEGORIES)
    assert diversity == pytest.approx([2 / 3, 0.5, 0.8333333333333334, 0.8333333333333334])
    # It counts an app's users where we count its installs, and one for an app without any.
    num_users = np.array([max(1, sum(app in one for one in TAKEN)) for app in range(13)])
    novelty = beyond_accuracy.novelty(PAGES, -np.log2(num_users / len(TAKEN)))
    assert novelty == pytest.approx(
        [1.457518749639422, 1.603759374819711, 1.853759374819711, 1.957518749639422]
    )
