"""What stops a day on its way from logs to a bundle that serves."""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field, field_validator

from recsys.config.section import Section

BUILT_IN_DIMENSIONS = (
    "user_activity",
    "user_is_new",
    "app_popularity",
    "app_is_new",
    "price_band",
)
"""What slices can be made by beside features; `recsys.evaluation.slices` says what each is."""


class Slice(Section):
    """A part of the users, of the apps, or of both, that is measured and judged apart."""

    by: tuple[str, ...] = Field(min_length=1, max_length=2)
    """One or two of `BUILT_IN_DIMENSIONS` and of the features of kind `category`; each value, or
    each pair of values, is a slice."""


class Evaluation(Section):
    """How a candidate model is measured, and what it must reach to be blessed."""

    k: int = Field(10, ge=1)
    """Length of the page that is measured."""
    retrieval_k: int = Field(100, ge=1)
    """Candidates that retrieval's recall is measured on."""
    max_users: int = Field(20_000, ge=1)
    """Users evaluated; more are sampled down, by a stable hash of their id."""
    num_resamples: int = Field(1_000, ge=100)
    """Resamples of the users that intervals are made of."""
    slices: tuple[Slice, ...] = ()
    """What is measured apart: one or two each of the features of kind `category` and of
    user_activity, user_is_new, app_popularity, app_is_new and price_band."""
    min_slice_size: int = Field(100, ge=2)
    """Users who installed something of a slice below which its pages are not judged; users and
    installs among its impressions below which its ranking is not."""
    activity_bounds: tuple[int, ...] = Field((1, 10, 25, 40), min_length=1)
    """Installed apps at which a new band of user_activity begins."""
    price_bounds: tuple[float, ...] = Field((0.01, 1.0, 5.0), min_length=1)
    """Prices at which a new price_band begins."""
    significance: float = Field(0.01, gt=0, lt=0.5)
    """Chance that a model as good as tolerated is refused for what it does overall, and that it is
    refused for what it does on the slices, however many there are."""
    min_recall_over_popular: float = Field(1.0, ge=0)
    """The page's recall over that of the most popular apps; less is refused where its interval is
    below."""
    max_recall_drop: float = Field(0.1, ge=0, le=1)
    """Share of the baseline's recall that a candidate model's page may lose."""
    max_ndcg_drop: float = Field(0.1, ge=0, le=1)
    """The same of its nDCG."""
    min_retrieval_recall: float = Field(0.0, ge=0, le=1)
    """Recall of the towers and their index alone; 0 asks for nothing."""
    max_retrieval_recall_drop: float = Field(0.1, ge=0, le=1)
    """Share of the baseline's that it may lose."""
    min_ann_recall: float = Field(0.9, ge=0, le=1)
    """Share of the exact nearest apps that the index finds."""
    min_ranking_auc: float = Field(0.5, ge=0, le=1)
    """The ranker's AUC on the days kept out of training."""
    max_ranking_auc: float = Field(0.98, ge=0, le=1)
    """More is too good to be true: a feature that holds the label, most likely."""
    max_auc_drop: float = Field(0.01, ge=0, le=1)
    """How far it may fall below the baseline's."""
    max_normalised_entropy: float = Field(1.0, ge=0)
    """The ranker's log loss over that of always foretelling the mean."""
    max_log_loss_rise: float = Field(0.05, ge=0)
    """Share by which the log loss may exceed the baseline's."""
    max_miscalibration: float = Field(2.0, ge=1)
    """How many times too many or too few installs the ranker may foretell."""
    slice_tolerance: float = Field(2.0, ge=1)
    """On a slice, a change against the baseline may be so many times as large as overall."""

    @field_validator("activity_bounds", "price_bounds")
    @classmethod
    def _rise(cls, bounds: tuple[float, ...]) -> tuple[float, ...]:
        if any(low >= high for low, high in pairwise(bounds)):
            raise ValueError("bounds that rise")
        return bounds


class Infra(Section):
    """What a bundle must withstand in a server of its own before anything else looks at it."""

    num_requests: int = Field(200, ge=1)
    """Recorded requests that are asked, each of another user; more are sampled down."""
    max_load_seconds: float = Field(120.0, gt=0)
    """Longest time from the server's start until it is ready."""
    max_memory_mib: int = Field(4_096, ge=1)
    """Most resident memory that the server may ever have."""
    max_p99_ms: float = Field(100.0, gt=0)
    """99th percentile of the time to a page, one request after the other."""
    max_error_share: float = Field(0.0, ge=0, lt=1)
    """Share of the recorded requests that may fail. Odd and malformed ones may not."""


class Alerts(Section):
    """Whom to tell when a gate stops a run."""

    command: tuple[str, ...] = ()
    """A program and its arguments; it gets the reasons as JSON on standard input."""
    webhook: str = ""
    """A URL that the same JSON is posted to."""
    timeout_seconds: float = Field(10.0, gt=0)
    """How long to wait for each of them."""
