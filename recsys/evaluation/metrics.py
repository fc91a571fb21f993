"""The metrics by name: what each is called, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One metric."""

    words: str
    """What people call it; `{k}` and `{retrieval_k}` stand for the lengths of the lists."""
    better: Literal["higher", "lower", "neither"]


METRICS = {
    "page_recall": Metric("recall@{k} of the page", "higher"),
    "page_ndcg": Metric("nDCG@{k} of the page", "higher"),
    "page_mrr": Metric("MRR@{k} of the page", "higher"),
    "page_hit_rate": Metric("hit rate@{k} of the page", "higher"),
    "retrieval_recall": Metric("recall@{retrieval_k} of retrieval", "higher"),
    "ann_recall": Metric("ANN recall@{retrieval_k} of the index", "higher"),
    "ranking_auc": Metric("the ranker's AUC", "higher"),
    "ranking_grouped_auc": Metric("the ranker's AUC by user", "higher"),
    "ranking_log_loss": Metric("the ranker's log loss", "lower"),
    "ranking_normalised_entropy": Metric("the ranker's normalised entropy", "lower"),
    "ranking_calibration": Metric("the ranker's predicted / observed", "neither"),
    "ranking_calibration_error": Metric("the ranker's calibration error", "lower"),
    "ranking_unscored": Metric("the count of unscored impressions", "lower"),
    "catalogue_coverage": Metric("coverage of the catalogue", "neither"),
    "novelty": Metric("novelty, bits", "neither"),
    "intra_list_diversity": Metric("diversity of categories", "neither"),
    "head_share": Metric("places of the head", "neither"),
    "top_percent_share": Metric("places of the top 1 %", "neither"),
    "personalisation": Metric("personalisation", "neither"),
}
"""In the order in which they are shown."""
