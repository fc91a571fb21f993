"""Which bundle answers a request: that of the user's arm in an experiment, the canary's, or the one
that serves. The whole of a page is of one bundle.

A user who is in several experiments gets the arm of the first, in the order of `recsys.toml`, and
is exposed to that one alone. The canary takes of those who are in none, or its faults would be an
arm's. An arm whose bundle isn't there, or whose policy nobody knows, gets pages of the bundle that
serves; its users are not exposed, and are counted.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from recsys import config as configuration
from recsys.config import Arm, Config
from recsys.config.serving import Share
from recsys.errors import BadInput
from recsys.experiments.assignment import arm_of, fraction
from recsys.features.spec import Features
from recsys.query import Query
from recsys.recommender import Item, Page
from recsys.stages import Observe
from recsys.workspace import Workspace
from serving.served import ServedCatalogue, ServedRecommender
from serving.versions import Versions

logger = logging.getLogger(__name__)

MOST_POPULAR = "most_popular"
"""The policy that servers know: what is installed most in the user's country."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What answers a request, and what the user is exposed to by it."""

    recommender: ServedRecommender
    experiment: str = ""
    arm: str = ""
    is_policy: bool = False

    @property
    def label(self) -> str | None:
        """As answers name it; None outside of experiments."""
        return f"{self.experiment}:{self.arm}" if self.experiment else None

    def exposure(self, num_items: int, latency_ms: float) -> Mapping[str, Any] | None:
        """Columns of `recsys.experiments.tables.SERVED`, but for request, user and time; None
        outside of experiments."""
        if not self.experiment:
            return None
        return {
            "experiment": self.experiment,
            "arm": self.arm,
            "bundle": None if self.is_policy else self.recommender.version,
            "num_items": num_items,
            "latency_ms": round(latency_ms, 3),
        }


class Choices:
    """The experiments, the canary and the shadow of a workspace, as its file says now."""

    def __init__(
        self, workspace: Workspace, versions: Versions, registry: CollectorRegistry
    ) -> None:
        self._workspace = workspace
        self._versions = versions
        self._config = workspace.config
        self._changed_at = 0
        self._popular: weakref.ref[MostPopular] | None = None
        self.exposures = Counter(
            "recsys_exposures", "Pages of experiments.", ["experiment", "arm"], registry=registry
        )
        self.unserved = Counter(
            "recsys_unserved_arms",
            "Pages of the live bundle in place of an arm's, which the server lacks.",
            ["experiment", "arm"],
            registry=registry,
        )
        self.canaries = Counter(
            "recsys_canary_pages", "Pages of the canary.", ["bundle"], registry=registry
        )

    @property
    def shadow(self) -> Share:
        """The bundle that makes pages which nobody sees."""
        return self._config.serving.shadow

    def follow(self) -> bool:
        """Reads the file again where it has changed; returns whether it has. What can't be used is
        logged, and what held before holds on."""
        try:
            changed_at = self._workspace.config_file.stat().st_mtime_ns
        except FileNotFoundError:  # an editor is about to put another in its place
            return False
        if changed_at == self._changed_at:
            return False
        self._changed_at = changed_at
        try:
            self._config = configuration.load(self._workspace.config_file)
        except BadInput as error:
            logger.warning("%s; experiments stay as they were", error)
        return True

    @property
    def versions(self) -> Sequence[str]:
        """The bundles that answer beside the live one."""
        return answering(self._config)

    def of(self, live: ServedRecommender, query: Query, is_known: bool) -> Choice:
        """What answers a query.

        Args:
            live: the bundle that serves.
            query: the request's.
            is_known: whether the store knew the user before.
        """
        for name, experiment in self._config.experiments.items():
            arm = arm_of(name, experiment, query.user_id, query.features, is_known)
            if arm is not None:
                return self._of_arm(live, name, arm, experiment.arms[arm])
        canary = self._config.serving.canary
        if canary.share and is_among(canary, "canary", query.user_id):
            held = self._versions.answering(canary.bundle)
            if held is not None:
                self.canaries.labels(canary.bundle).inc()
                return Choice(held)
        return Choice(live)

    def _of_arm(self, live: ServedRecommender, name: str, arm: str, declared: Arm) -> Choice:
        held: ServedRecommender | None = live
        if declared.interleaves:
            held = None
        elif declared.policy:
            held = self._by_popularity(live) if declared.policy == MOST_POPULAR else None
        elif declared.bundle:
            held = self._versions.answering(declared.bundle)
        if held is None:
            self.unserved.labels(name, arm).inc()
            return Choice(live)
        self.exposures.labels(name, arm).inc()
        return Choice(held, name, arm, is_policy=bool(declared.policy))

    def _by_popularity(self, live: ServedRecommender) -> ServedRecommender:
        """The same object for the same bundle while any request has it, so that its queries are
        computed together. None keeps a bundle that serves no more."""
        popular = self._popular() if self._popular else None
        if popular is None or popular.of is not live:
            popular = MostPopular(live)
            self._popular = weakref.ref(popular)
        return popular


def answering(config: Config) -> Sequence[str]:
    """The bundles that a configuration names to answer requests: those of arms and the canary's."""
    arms = [arm for experiment in config.experiments.values() for arm in experiment.arms.values()]
    canary = config.serving.canary
    named = [arm.bundle for arm in arms] + [canary.bundle if canary.share else ""]
    return [version for version in dict.fromkeys(named) if version]


def is_among(share: Share, of: str, user_id: str) -> bool:
    """Whether a user is of that share; a larger share keeps all who were in it."""
    return fraction(f"{of}/{share.bundle}", user_id) < share.share


class MostPopular:
    """A bundle's list of what is installed most, in place of its models."""

    def __init__(self, of: ServedRecommender) -> None:
        self.of = of
        self.observe: Observe = of.observe

    @property
    def version(self) -> str:
        """The bundle's."""
        return self.of.version

    @property
    def catalogue(self) -> ServedCatalogue:
        """The bundle's."""
        return self.of.catalogue

    @property
    def query_features(self) -> Features:
        """The bundle's."""
        return self.of.query_features

    def recommend(self, queries: Sequence[Query]) -> list[Page]:
        """What is popular in each query's country."""
        return self.of.popular(queries)

    def retrieval_order(self, queries: Sequence[Query]) -> list[Page]:
        """The same."""
        return self.of.popular(queries)

    def popular(self, queries: Sequence[Query]) -> list[Page]:
        """The same."""
        return self.of.popular(queries)

    def similar(self, app_id: str, k: int) -> list[Item]:
        """The bundle's neighbours."""
        return self.of.similar(app_id, k)
