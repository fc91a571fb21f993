"""What a feature is, as a person declares it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recsys.config.section import Section

ModelPart = Literal["retrieval", "wide", "deep"]


class Feature(Section):
    """One feature: where it comes from, what it is, and which parts of the models use it."""

    table: Literal["requests", "users", "apps"]
    """Table that holds it. Features of requests and users describe the query; those of apps, the
    candidate."""
    kind: Literal["category", "categories", "number", "hour", "weekday"]
    """A string, a list of strings, a number, or the hour or weekday of a timestamp."""
    models: tuple[ModelPart, ...]
    """Which parts use it: the retrieval towers, the ranker's wide part, its deep part."""
    column: str = ""
    """Column of the table; empty means the feature's own name."""
    vocabulary: str = ""
    """Another feature whose vocabulary and embeddings it shares; empty means its own."""
    min_count: int = Field(1, ge=1)
    """Values seen less often than this go to the out-of-vocabulary buckets."""
    num_oov_buckets: int = Field(1, ge=1)
    """Buckets for values outside the vocabulary."""
    max_length: int = Field(50, ge=1)
    """For `categories`: how many of a list's last values are used."""
    num_quantiles: int = Field(100, ge=2)
    """For `number`: the n_q of the quantile CDF, (i - 1) / (n_q - 1)."""
    embedding_dim: int = Field(16, ge=1)
    """Width of its embedding."""

    @property
    def owns_vocabulary(self) -> bool:
        """Whether its values make a vocabulary of its own."""
        return self.kind in ("category", "categories") and not self.vocabulary


class Cross(Section):
    """A cross of a query feature with a candidate feature in the ranker's wide part."""

    query: str
    """A `category` or `categories` feature of the query."""
    candidate: str
    """A `category` or `categories` feature of the candidate."""
    num_buckets: int = Field(2**18, ge=16)
    """Hash buckets that the pairs share."""

    @property
    def name(self) -> str:
        """What its weights are called."""
        return f"cross_{self.query}_x_{self.candidate}"
