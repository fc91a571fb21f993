"""The metrics by name: what each is called, what it is of, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["the page", "retrieval", "the index", "ranking", "beyond accuracy"]
"""What a metric is of: all of it together, one of its parts, or what else a page is like."""


@dataclass(frozen=True)
class Metric:
    """One metric."""

    words: str
    """What people call it; `{k}` and `{retrieval_k}` stand for the lengths of the lists."""
    part: Part
    better: Literal["higher", "lower", "neither"]


METRICS = {
    "page_recall": Metric("recall@{k} of the page", "the page", "higher"),
    "page_ndcg": Metric("nDCG@{k} of the page", "the page", "higher"),
    "page_mrr": Metric("MRR@{k} of the page", "the page", "higher"),
    "page_hit_rate": Metric("hit rate@{k} of the page", "the page", "higher"),
    "retrieval_recall": Metric("recall@{retrieval_k} of retrieval", "retrieval", "higher"),
    "ann_recall": Metric("ANN recall@{retrieval_k} of the index", "the index", "higher"),
    "ranking_auc": Metric("the ranker's AUC", "ranking", "higher"),
    "ranking_grouped_auc": Metric("the ranker's AUC by user", "ranking", "higher"),
    "ranking_log_loss": Metric("the ranker's log loss", "ranking", "lower"),
    "ranking_normalised_entropy": Metric("the ranker's normalised entropy", "ranking", "lower"),
    "ranking_calibration": Metric("the ranker's predicted / observed", "ranking", "neither"),
    "ranking_calibration_error": Metric("the ranker's calibration error", "ranking", "lower"),
    "ranking_unscored": Metric("the count of unscored impressions", "ranking", "lower"),
    "catalogue_coverage": Metric("coverage of the catalogue", "beyond accuracy", "neither"),
    "novelty": Metric("novelty, bits", "beyond accuracy", "neither"),
    "intra_list_diversity": Metric("diversity of categories", "beyond accuracy", "neither"),
    "head_share": Metric("places of the head", "beyond accuracy", "neither"),
    "top_percent_share": Metric("places of the top 1 %", "beyond accuracy", "neither"),
    "personalisation": Metric("personalisation", "beyond accuracy", "neither"),
}
"""In the order in which they are shown."""
