"""Metrics of ranked lists and of probabilities, each with its definition.

Recall and nDCG are those of Järvelin & Kekäläinen (2002) with binary gains, over the whole
catalogue and without sampled negatives, which would change the order of systems (Krichene & Rendle,
KDD 2020).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score


def recall_at_k(recommended: Sequence[str], relevant: Collection[str], k: int) -> float:
    """The share of the relevant apps that are among the first k."""
    return len(set(recommended[:k]) & set(relevant)) / len(relevant)


def ndcg_at_k(recommended: Sequence[str], relevant: Collection[str], k: int) -> float:
    """The discounted gain of the first k, 1 / log2(1 + position) for a relevant app, over that of
    the best order."""
    hits = np.array([app_id in relevant for app_id in recommended[:k]], dtype=np.float64)
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    return float(hits @ discounts[: len(hits)] / discounts[: min(k, len(relevant))].sum())


def auc(labels: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """The chance that a positive is scored above a negative; NaN where one of them is missing."""
    if labels.all() or not labels.any():
        return float("nan")
    return float(roc_auc_score(labels, scores))


def bootstrap_interval(
    values: NDArray[np.float64], seed: int, num_resamples: int = 1_000, level: float = 0.95
) -> tuple[float, float]:
    """A percentile interval of the mean of one value a user (Efron & Tibshirani, 1993, ch. 13).

    Resampling n users is a multinomial weighting of them; the weights of one resample after the
    other are drawn, so memory grows with users alone.
    """
    random = np.random.default_rng(seed)
    size = len(values)
    means = [
        values @ np.bincount(random.integers(size, size=size), minlength=size) / size
        for _ in range(num_resamples)
    ]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
