"""Training-serving skew: where the features that a server used differ from those that training
reads of the very same requests.

Every served request is joined with its training example by its id, and every app of a page with
its impression. Texts and lists must be equal, lists in order; numbers may differ by a share of
themselves, times by less than a second. What is missing on one side alone differs, and is counted
apart too: a feature that the server never sends is the classic of its kind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

MAX_SCORE_DIFFERENCE = 1e-5
"""Largest relative difference between a score that was served and the same one computed again."""
NUM_EXAMPLES = 5
"""Differing rows that are shown of each feature."""


@dataclass(frozen=True)
class Difference:
    """One row of which the two sides say different things."""

    request_id: str
    app_id: str | None
    """The app, where the feature is an app's."""
    served: Any
    """What the server used, as a JSON value; None where it had nothing."""
    trained: Any
    """What training reads; None where there is nothing."""


@dataclass(frozen=True)
class FeatureSkew:
    """One feature of the served requests, beside the same in their training examples."""

    num_joined: int
    """Rows that both sides have: requests, or for an app's feature, impressions."""
    num_served: int
    """Those with a value that the server used."""
    num_trained: int
    """Those with a value that training reads."""
    num_differing: int
    """Those whose values differ, the missing ones that follow included."""
    num_missing_served: int
    """Those that training has a value for and the server had none."""
    num_missing_trained: int
    """Those that the server had a value for and training has none."""
    examples: tuple[Difference, ...] = ()
    """A few of the differing rows."""
    snapshot_age_days: int = 0
    """Of an app's feature: days from the snapshot that the server's bundle was made of to the span.
    Apps change from day to day, so an old bundle differs for its age alone."""

    @property
    def differing_share(self) -> float:
        """The share of rows whose values differ; 0 where nothing was joined."""
        return self.num_differing / self.num_joined if self.num_joined else 0.0

    @property
    def is_never_served(self) -> bool:
        """Whether the server never had a value, though training has some."""
        return self.num_served == 0 < self.num_trained

    @property
    def is_never_trained(self) -> bool:
        """Whether training never has a value, though the server had some."""
        return self.num_trained == 0 < self.num_served

    def __add__(self, other: FeatureSkew) -> FeatureSkew:
        """The skew of the rows of both."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        examples = (*self.examples, *other.examples)[:NUM_EXAMPLES]
        age = max(self.snapshot_age_days, other.snapshot_age_days)
        return replace(self, **counts, examples=examples, snapshot_age_days=age)


COUNTS = tuple(one.name for one in fields(FeatureSkew) if one.name.startswith("num_"))
"""What is counted of a feature."""


@dataclass(frozen=True)
class Replay:
    """Served pages scored again, offline, by the bundles that served them."""

    num_replayed: int = 0
    """Pages scored again."""
    num_differing: int = 0
    """Those with a score that is off by more than `MAX_SCORE_DIFFERENCE` of itself."""
    max_difference: float = 0.0
    """The largest absolute difference of a score."""
    max_relative_difference: float = 0.0
    """The largest difference of a score as a share of it."""
    not_replayed: Mapping[str, str] = field(default_factory=dict)
    """Why no page of a bundle was scored again, by its version."""

    def __add__(self, other: Replay) -> Replay:
        """Both replays as one."""
        return Replay(
            self.num_replayed + other.num_replayed,
            self.num_differing + other.num_differing,
            max(self.max_difference, other.max_difference),
            max(self.max_relative_difference, other.max_relative_difference),
            {**self.not_replayed, **other.not_replayed},
        )


@dataclass(frozen=True)
class Skew:
    """A span's served features against its training examples."""

    num_served: int = 0
    """Pages in the server's feature log of the day; without any, nothing was compared."""
    num_joined: int = 0
    """Those whose request is among the training examples."""
    features: Mapping[str, FeatureSkew] = field(default_factory=dict)
    """By the feature's column, as in the statistics."""
    replay: Replay = Replay()
    """Whether scores can be had again."""

    def __add__(self, other: Skew) -> Skew:
        """The skew of the pages of both."""
        features = dict(self.features)
        for name, one in other.features.items():
            features[name] = features[name] + one if name in features else one
        return Skew(
            self.num_served + other.num_served,
            self.num_joined + other.num_joined,
            features,
            self.replay + other.replay,
        )

    def save(self, path: Path) -> None:
        """Writes JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Skew:
        """Reads what `save` wrote."""
        values = json.loads(path.read_text())
        features = {name: _feature(one) for name, one in values["features"].items()}
        replay = Replay(**values["replay"])
        return cls(values["num_served"], values["num_joined"], features, replay)


def _feature(values: dict[str, Any]) -> FeatureSkew:
    examples = tuple(Difference(**one) for one in values["examples"])
    return FeatureSkew(**{**values, "examples": examples})
