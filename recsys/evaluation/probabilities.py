"""Metrics of predicted chances against what happened, an impression at a time.

`labels` and `scores` are `[num_impressions]`. A score that is not a number makes every metric NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UserAucs:
    """The AUC of each user's own impressions."""

    aucs: Floats
    """`[num_users]`; NaN where a user has impressions of one class only, and so no pair to order.
    """
    num_impressions: Floats
    """`[num_users]`; 0 where the AUC is NaN."""

    @property
    def num_left_out(self) -> int:
        """Users whose impressions are of one class."""
        return int(np.isnan(self.aucs).sum())


def auc(labels: Booleans, scores: Floats) -> float:
    """The chance that a positive is scored above a negative, a tie counting half (Hanley & McNeil,
    Radiology 1982); NaN where one of them is missing."""
    if labels.all() or not labels.any() or np.isnan(scores).any():
        return float("nan")
    return float(roc_auc_score(labels, scores))


def placements(labels: Booleans, scores: Floats) -> Floats:
    """For each impression the share of the other class that it is on the right side of, a tie
    counting half; the mean over either class is the AUC (DeLong, DeLong & Clarke-Pearson,
    Biometrics 1988, the structural components V10 and V01)."""
    if np.isnan(scores).any():
        return np.full(len(scores), np.nan)
    positives, negatives = np.sort(scores[labels]), np.sort(scores[~labels])
    share = np.empty(len(scores))
    share[labels] = _share_below(negatives, scores[labels])
    share[~labels] = 1.0 - _share_below(positives, scores[~labels])
    return share


def user_aucs(labels: Booleans, scores: Floats, users: Integers, num_users: int) -> UserAucs:
    """What grouped AUC is the weighted mean of: each user's AUC, by impressions (Zhu et al.,
    Optimized Cost per Click in Taobao Display Advertising, KDD 2017; GAUC of Deep Interest Network,
    arXiv 1706.06978 of 2017, section Metrics).

    Args:
        labels: whether each impression led to an install.
        scores: the ranker's chances.
        users: `[num_impressions]`, whose each is, from 0.
        num_users: how many users there are.
    """
    num = np.bincount(users, minlength=num_users).astype(np.float64)
    if np.isnan(scores).any():
        return UserAucs(np.full(num_users, np.nan), num)
    order = np.lexsort((scores, users))
    ranks = _mean_ranks(scores[order], users[order])
    positive = labels[order]
    above = np.bincount(users, weights=labels, minlength=num_users)
    rank_sums = np.bincount(users[order], weights=ranks * positive, minlength=num_users)
    pairs = above * (num - above)
    # The Mann-Whitney statistic: the positives' ranks less those they have among themselves.
    with np.errstate(invalid="ignore", divide="ignore"):
        aucs = np.where(pairs > 0, (rank_sums - above * (above + 1) / 2) / pairs, np.nan)
    return UserAucs(aucs, np.where(pairs > 0, num, 0.0))


def log_losses(labels: Booleans, scores: Floats) -> Floats:
    """Minus the logarithm of the chance that was given to what happened, in nats; their mean is
    the log loss (Good, 1952). A chance is kept a rounding error of float32 away from 0 and 1, as
    scikit-learn's `log_loss` does."""
    margin = float(np.finfo(np.float32).eps)
    given: Floats = np.clip(np.where(labels, scores, 1.0 - scores), margin, 1.0 - margin)
    return -np.log(given)


def entropy(rate: float) -> float:
    """The log loss, in nats, of always foretelling the mean; what normalised entropy divides by
    (He et al., ADKDD 2014, section 2, equation 1)."""
    if not 0.0 < rate < 1.0:
        return 0.0 if rate in (0.0, 1.0) else float("nan")
    return float(-(rate * np.log(rate) + (1.0 - rate) * np.log1p(-rate)))


def buckets_by_score(scores: Floats, num_buckets: int) -> Integers:
    """The bucket of each impression, `[num_impressions]`: buckets hold equally many, as far as
    ties allow, and rise with the score. That is scikit-learn's strategy `quantile`."""
    edges = np.quantile(scores, np.linspace(0.0, 1.0, num_buckets + 1)[1:-1])
    return np.searchsorted(edges, scores).astype(np.int64)


def expected_calibration_error(labels: Booleans, scores: Floats, num_buckets: int) -> float:
    """The mean over impressions of how far their bucket's mean score lies from the share that
    happened (Naeini, Cooper & Hauskrecht, AAAI 2015, with buckets of equal counts)."""
    if np.isnan(scores).any() or not len(scores):
        return float("nan")
    buckets = buckets_by_score(scores, num_buckets)
    gaps = np.bincount(buckets, weights=scores - labels, minlength=num_buckets)
    return float(np.abs(gaps).sum() / len(scores))


def _share_below(ordered: Floats, values: Floats) -> Floats:
    below = np.searchsorted(ordered, values, side="left")
    not_above = np.searchsorted(ordered, values, side="right")
    return (below + not_above) / (2.0 * len(ordered))


def _mean_ranks(scores: Floats, users: Integers) -> Floats:
    """Ranks within each user, from 1, ties sharing their mean; both inputs are sorted by user, then
    score."""
    if not len(scores):
        return np.empty(0)
    starts_user = np.r_[True, users[1:] != users[:-1]]
    starts_tie = starts_user | np.r_[True, scores[1:] != scores[:-1]]
    places = np.arange(len(scores))
    first_of_user = np.maximum.accumulate(np.where(starts_user, places, 0))
    ties = np.flatnonzero(starts_tie)
    lengths = np.diff(np.r_[ties, len(scores)])
    mean_place = np.repeat(ties + (lengths - 1) / 2.0, lengths)
    return mean_place - first_of_user + 1.0
