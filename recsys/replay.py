"""Served pages scored again, offline, by the bundle that served them: the same features must give
the same scores."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from recsys import served_features
from recsys.bundle import Bundle
from recsys.features.skew import MAX_SCORE_DIFFERENCE, Replay
from recsys.recommender import Recommender


def replay(bundle: Bundle, pages: pa.Table) -> Replay:
    """Scores pages again and says how far the scores are apart.

    Args:
        bundle: the one that served them.
        pages: rows of the log, as `recsys.served_features` describes them.
    """
    if not len(pages):
        return Replay()
    recommender = Recommender(bundle)
    app_ids, served = pages["app_ids"].to_pylist(), pages["scores"].to_pylist()
    raw = served_features.raw(pages, recommender.query_features)
    again = recommender.score(raw, app_ids)
    apart = [
        np.abs(np.array(scores) - row[: len(scores)])
        for scores, row in zip(served, again, strict=True)
    ]
    relative = [
        differences / np.maximum(np.abs(scores), np.finfo(np.float32).tiny)
        for differences, scores in zip(apart, served, strict=True)
    ]
    worst = [float(shares.max(initial=0.0)) for shares in relative]
    return Replay(
        num_replayed=len(pages),
        num_differing=sum(share > MAX_SCORE_DIFFERENCE for share in worst),
        max_difference=max(float(differences.max(initial=0.0)) for differences in apart),
        max_relative_difference=max(worst),
    )
