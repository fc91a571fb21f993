"""The two models, the index, and the request path that they meet in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from recsys.config.features import Cross
from recsys.config.section import Section

Width = Annotated[int, Field(ge=1)]


class Training(Section):
    """How a day's training begins."""

    start: Literal["warm", "cold"] = "warm"
    """`warm`: from the models that served before the day, over what is new to them and a part of
    the rest. `cold`: from random weights, over the whole window."""


class Retrieval(Section):
    """The two-tower retrieval model."""

    embedding_dim: int = Field(64, ge=2)
    """Width of the towers' output, a unit vector."""
    hidden_units: tuple[Width, ...] = (128,)
    """Widths of each tower's hidden layers."""
    id_embedding_dim: int = Field(64, ge=1)
    """Width of the embedding of app ids, as candidate and as history."""
    temperature: float = Field(0.2, gt=0)
    """Divides the dot products before the softmax."""
    sampling_correction: bool = True
    """Subtract log q(app) from the logits of sampled negatives (RecSys 2019)."""
    num_uniform_negatives: int = Field(256, ge=0)
    """Negatives drawn from the whole catalogue beside the batch's own (WWW 2020)."""
    num_hidden_apps: int = Field(1_024, ge=0)
    """Apps hidden from histories and foretold, beside a batch's own positives."""
    batch_size: int = Field(512, ge=2)
    """Positives in a batch."""
    num_epochs: int = Field(4, ge=1)
    """Passes over the window."""
    num_warm_epochs: int = Field(1, ge=1)
    """Passes of a warm start over the days that are new to its base, and the replay."""
    replay_share: float = Field(0.5, ge=0, le=1)
    """Share of the window's older requests that a warm start goes over again."""
    learning_rate: float = Field(0.002, gt=0)
    """Learning rate of Adam."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Share of a history's apps that is hidden from the tower in training."""


class Ranking(Section):
    """The wide-and-deep ranking model."""

    kind: Literal["linear", "deep", "wide_and_deep"] = "wide_and_deep"
    """Which parts it has."""
    hidden_units: tuple[Width, ...] = Field((256, 128, 64), min_length=1)
    """Widths of the deep part's layers."""
    crosses: tuple[Cross, ...] = ()
    """Crosses of the wide part."""
    negatives_per_positive: int = Field(0, ge=0)
    """Sampled negatives beside each positive; what data without impressions needs."""
    batch_size: int = Field(1_024, ge=1)
    """Impressions in a batch."""
    num_epochs: int = Field(1, ge=1)
    """Passes over the window."""
    num_warm_epochs: int = Field(1, ge=1)
    """Passes of a warm start over the days that are new to its base, and the replay."""
    replay_share: float = Field(0.0, ge=0, le=1)
    """Share of the window's older requests that a warm start goes over again; an impression seen
    twice is learnt by heart."""
    wide_learning_rate: float = Field(0.05, gt=0)
    """Learning rate of FTRL, which trains the wide part."""
    wide_l1: float = Field(0.0005, ge=0)
    """L1 strength of FTRL."""
    deep_learning_rate: float = Field(0.05, gt=0)
    """Learning rate of AdaGrad, which trains the deep part."""


class Index(Section):
    """The ANN index over the candidate embeddings."""

    kind: Literal["auto", "brute_force", "ivf"] = "auto"
    """`auto` takes brute force up to `brute_force_max_apps` apps and IVF beyond."""
    brute_force_max_apps: int = Field(50_000, ge=0)
    """Largest catalogue that is searched exactly under `auto`."""
    num_lists: int = Field(4_096, ge=1)
    """Lists of the IVF index."""
    target_recall: float = Field(0.97, gt=0, le=1)
    """Share of the `recommender.num_retrieved` nearest apps that IVF has to find; a bundle is built
    with as few probes as do."""
    num_probes: int = Field(0, ge=0)
    """Lists that a search visits; 0 for as many as `target_recall` takes."""


class Recommender(Section):
    """The request path."""

    num_retrieved: int = Field(150, ge=1)
    """Candidates from the two-tower index."""
    num_popular: int = Field(50, ge=0)
    """Candidates that are popular in the query's country."""
    num_new: int = Field(20, ge=0)
    """Candidates that were released last."""
    num_similar: int = Field(50, ge=0)
    """Candidates similar to the seed app, where a request names one."""
