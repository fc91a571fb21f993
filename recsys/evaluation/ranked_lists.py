"""Metrics of ranked lists with binary relevance, one value a user.

`hits` `[num_users, depth]` says whether each place of a user's list holds a relevant app, the top
first; a list that ends early has no hits beyond its end. `num_relevant` `[num_users]` counts the
relevant apps, found or not. They are taken over the whole catalogue and without sampled negatives,
which would change the order of systems (Krichene & Rendle, KDD 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.index.contract import NO_ROW

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def recall_at_k(hits: Booleans, num_relevant: Integers, k: int) -> Floats:
    """The share of the relevant apps that are among the first k: trec_eval's `recall_k`."""
    found: Floats = hits[:, :k].sum(axis=1) / num_relevant
    return found


def ndcg_at_k(hits: Booleans, num_relevant: Integers, k: int) -> Floats:
    """The discounted gain of the first k, 1 / log2(1 + position) for a relevant app, over that of
    the best order (Järvelin & Kekäläinen, TOIS 2002, in the form of Burges et al., ICML 2005)."""
    first = hits[:, :k]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(discounts)[np.minimum(num_relevant, k) - 1]
    gained: Floats = (first * discounts[: first.shape[1]]).sum(axis=1) / best
    return gained


def reciprocal_rank_at_k(hits: Booleans, k: int) -> Floats:
    """1 / position of the first relevant app, 0 where none is among the first k; its mean over
    users is the MRR (Voorhees, TREC-8, 1999)."""
    first = hits[:, :k]
    positions = first.argmax(axis=1) + 1
    return np.where(first.any(axis=1), 1.0 / positions, 0.0)


def hit_rate_at_k(hits: Booleans, k: int) -> Floats:
    """1 where any relevant app is among the first k (Deshpande & Karypis, TOIS 2004:
    their hit-rate hides one app, ours as many as were installed)."""
    return np.where(hits[:, :k].any(axis=1), 1.0, 0.0)


def ann_recall_at_k(found: Integers, exact: Integers) -> float:
    """The share of the exact nearest rows that an index found, both `[num_queries, k]`: recall as
    ANN-Benchmarks has it (Aumüller, Bernhardsson & Faithfull, Information Systems 2020), by
    identity rather than by distance. `NO_ROW` stands where there is no neighbour."""
    pairs = (found[:, :, None] == exact[:, None, :]) & (exact != NO_ROW)[:, None, :]
    num_exact = int((exact != NO_ROW).sum())
    return float(pairs.any(axis=1).sum() / num_exact) if num_exact else float("nan")
