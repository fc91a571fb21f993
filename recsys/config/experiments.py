"""Experiments on live users: who sees what, what is measured of them, and what would be too bad."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from recsys.config.section import Section

NUM_BUCKETS = 1_000
"""Buckets of a layer."""


class Metric(Section):
    """A metric of experiments, of columns of a table with a row for each user and day."""

    of: str = Field(min_length=1)
    """Column that is summed over a user's days."""
    per: str = ""
    """Column that the sum is divided by, over all users together; empty for a mean a user."""
    quantile: float = Field(0.0, ge=0, lt=1)
    """Above 0, this quantile over the users, each by `of` over `per`, in place of the mean."""
    better: Literal["more", "less"] = "more"
    """Which way is good."""


BUILT_IN_METRICS: Mapping[str, Metric] = {
    "installs_per_user": Metric(of="installs"),
    "clicks_per_user": Metric(of="clicks"),
    "pages_per_user": Metric(of="pages"),
    "uninstalls_per_install": Metric(of="uninstalls", per="installs", better="less"),
    "installs_per_impression": Metric(of="installs", per="impressions"),
    "clicks_per_impression": Metric(of="clicks", per="impressions"),
    "empty_page_share": Metric(of="empty_pages", per="pages", better="less"),
    "latency_ms_mean": Metric(of="latency_ms", per="pages", better="less"),
    "latency_ms_p95_of_users": Metric(of="latency_ms", per="pages", quantile=0.95, better="less"),
}
"""Metrics that need no declaring, of columns of `recsys.experiments.tables.OUTCOMES`."""


class SimulatedArm(Section):
    """What an arm is in a simulation alone; servers pass it over."""

    retrain: Literal["never", "daily"] = "never"
    """`daily`: each night the pipeline runs over what the arm's own users did."""
    days_stale: int | None = Field(None, ge=0)
    """On each day, the newest of the workspace's bundles that was made of logs which end so many
    days before the last ones; none for the bundle that it begins with."""
    missing: tuple[str, ...] = ()
    """Columns of the query that never reach its models, though they were trained with them: a
    training-serving skew."""

    @model_validator(mode="after")
    def _gets_bundles_one_way(self) -> Self:
        if self.retrain == "daily" and self.days_stale is not None:
            raise ValueError(
                f"an arm has retrain = 'daily' and days_stale = {self.days_stale}, expected at "
                "most one of both"
            )
        return self


class Arm(Section):
    """What one part of an experiment's users gets."""

    share: float = Field(gt=0, le=1)
    """Of the experiment's users; the shares of all arms make 1."""
    bundle: str = ""
    """Version of the bundle that makes its pages; empty for the one that serves."""
    policy: str = ""
    """What makes its pages in place of a bundle, such as most_popular."""
    interleaves: tuple[str, ...] = ()
    """Two other arms whose apps take turns on its pages (team draft): what users do is credited to
    the one that put the app there. Simulated alone; a server gives such users the live bundle."""
    simulated: SimulatedArm = SimulatedArm()
    """How it is simulated."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.bundle and self.policy:
            raise ValueError(
                f"an arm has bundle = {self.bundle!r} and policy = {self.policy!r}, expected at "
                "most one of both"
            )
        return self


class Experiment(Section):
    """A randomised comparison of arms, the control and one treatment or more."""

    arms: Mapping[str, Arm]
    """By name; each has a share, and a bundle or a policy."""
    control: str = "control"
    """The arm that the others are compared with."""
    layer: str = "default"
    """Experiments of one layer never share a user; those of two know nothing of each other."""
    buckets: tuple[int, int] = (0, NUM_BUCKETS)
    """The layer's buckets that are this experiment's: the first, and the one after the last."""
    salt: str = ""
    """Changes who gets which arm; empty for the experiment's name."""
    ramp: float = Field(1.0, ge=0, le=1)
    """Share of the experiment's users that is in it by now; to raise it moves nobody between
    arms."""
    eligible: Mapping[str, tuple[str, ...]] = {}
    """Values that a user's columns may have, such as country or device; none asks for nothing."""
    users: Literal["all", "known", "new"] = "all"
    """Whether the store knew the user before the request."""
    primary: str = "installs_per_user"
    """The metric that decides."""
    metrics: tuple[str, ...] = ("clicks_per_user", "pages_per_user")
    """Further metrics to tell."""
    guardrails: Mapping[str, float] = {
        "uninstalls_per_install": 0.1,
        "empty_page_share": 0.1,
        "latency_ms_p95_of_users": 0.1,
    }
    """Metrics that must be shown to be no worse than the control's by more than this share."""
    slices: tuple[str, ...] = ()
    """Columns of the users by whose values the primary metric is told apart."""
    horizon_days: int = Field(14, ge=1)
    """Days after which it is decided."""
    covariate_days: int = Field(14, ge=0)
    """Days before it that make the estimates sharper (CUPED); 0 for none."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance of finding a difference where there is none."""
    mismatch_alpha: float = Field(0.001, gt=0, lt=0.5)
    """The same of a sample ratio mismatch, which withholds all results."""

    @field_validator("arms")
    @classmethod
    def _shares_make_one(cls, arms: Mapping[str, Arm]) -> Mapping[str, Arm]:
        total = sum(arm.share for arm in arms.values())
        if len(arms) < 2 or abs(total - 1) > 1e-9:
            raise ValueError(f"two arms or more with shares that make 1 (they make {total:g})")
        return arms

    @field_validator("guardrails")
    @classmethod
    def _margins_are_shares(cls, guardrails: Mapping[str, float]) -> Mapping[str, float]:
        if any(not 0 < margin < 1 for margin in guardrails.values()):
            raise ValueError("margins above 0 and below 1")
        return guardrails

    @field_validator("buckets")
    @classmethod
    def _buckets_are_a_range(cls, buckets: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= buckets[0] < buckets[1] <= NUM_BUCKETS:
            raise ValueError(f"a range within 0 to {NUM_BUCKETS}")
        return buckets

    @model_validator(mode="after")
    def _control_is_an_arm(self) -> Self:
        if self.control not in self.arms:
            raise ValueError(
                f"control = {self.control!r}, expected one of the arms {', '.join(self.arms)}"
            )
        return self

    @model_validator(mode="after")
    def _two_arms_interleave(self) -> Self:
        own = (self.control, *self.treatments)
        for name in self.interleaving:
            told = self.arms[name]
            if len(set(told.interleaves)) != 2 or not set(told.interleaves) <= set(own):
                raise ValueError(
                    f"arm {name!r} interleaves {', '.join(told.interleaves)}, expected two "
                    "different arms that have pages of their own"
                )
            if told != Arm(share=told.share, interleaves=told.interleaves):
                raise ValueError(
                    f"arm {name!r} interleaves and says how its own pages are made, expected a "
                    "share alone beside it"
                )
            if name == self.control:
                raise ValueError(f"control = {name!r}, expected an arm that doesn't interleave")
        return self

    @property
    def treatments(self) -> tuple[str, ...]:
        """The arms that are compared with the control."""
        others = (name for name in self.arms if name != self.control)
        return tuple(name for name in others if not self.arms[name].interleaves)

    @property
    def interleaving(self) -> tuple[str, ...]:
        """The arms on whose pages two others meet."""
        return tuple(name for name, arm in self.arms.items() if arm.interleaves)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """All metrics that it names, each once: the primary one, the guardrails, the others."""
        return tuple(dict.fromkeys([self.primary, *self.guardrails, *self.metrics]))


def problem(experiments: Mapping[str, Experiment], metrics: Mapping[str, Metric]) -> str:
    """What is wrong with experiments together, in words; empty for nothing."""
    for (first, one), (second, other) in combinations(experiments.items(), 2):
        both = max(one.buckets[0], other.buckets[0]), min(one.buckets[1], other.buckets[1])
        if one.layer == other.layer and both[0] < both[1]:
            return (
                f"experiments.{first} and experiments.{second} share buckets {both[0]} to "
                f"{both[1]} of layer {one.layer!r}, expected ranges apart"
            )
    known = (*BUILT_IN_METRICS, *metrics)
    for name, experiment in experiments.items():
        for metric in experiment.metric_names:
            if metric not in known:
                return (
                    f"experiments.{name} names the metric {metric!r}, expected one declared in "
                    f"[metrics] or one of {', '.join(BUILT_IN_METRICS)}"
                )
    return ""
