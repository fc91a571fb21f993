"""What stops a day on its way from logs to a bundle that serves."""

from __future__ import annotations

from pydantic import Field

from recsys.config.section import Section


class Evaluation(Section):
    """What a candidate model must reach to be blessed."""

    k: int = Field(10, ge=1)
    """Length of the page that recall and nDCG are measured on."""
    max_users: int = Field(20_000, ge=1)
    """Users evaluated; more are sampled down, by a stable hash of their id."""
    min_ranking_auc: float = Field(0.5, ge=0, le=1)
    """The ranker's AUC on the days kept out of training."""
    min_recall_over_popular: float = Field(1.0, ge=0)
    """The served path's recall over that of the most popular apps."""
    max_recall_drop: float = Field(0.1, ge=0, le=1)
    """Share of the baseline's recall that a candidate model may lose."""
