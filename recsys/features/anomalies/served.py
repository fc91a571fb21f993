"""Training-serving skew: features that a server has otherwise than models are trained on them, and
scores that can't be had again."""

from __future__ import annotations

from collections.abc import Iterator

from recsys.features import proposals
from recsys.features.anomalies.day import UNJUDGED, Day, Finding, Info
from recsys.features.schema import SERVING, is_in
from recsys.features.skew import MAX_SCORE_DIFFERENCE, FeatureSkew

NUM_ROWS_SHOWN = 3
MAX_SNAPSHOT_AGE_DAYS = 2
"""An older bundle's apps differ for their age alone, and only the next bundle settles that: whoever
stopped the run for it would keep the old one serving."""


def skewed(day: Day) -> Iterator[Finding]:
    """Features that are never there on one side, or differ in too many rows; nothing where no
    served page of the day is known."""
    for name, found in day.skew.features.items():
        expected = day.features.get(name)
        if expected is None or expected.lifecycle_stage in UNJUDGED:
            continue
        if found.snapshot_age_days > MAX_SNAPSHOT_AGE_DAYS:
            continue
        if is_in(expected, SERVING) and expected.skew_comparator.HasField("infinity_norm"):
            most = expected.skew_comparator.infinity_norm.threshold
            yield from _of_feature(name, found, most)


def replayed(day: Day) -> Iterator[Finding]:
    """Pages whose scores come out otherwise when the bundle that served them scores them again."""
    replay = day.skew.replay
    if replay.num_differing:
        yield Finding(
            "",
            Info.SCHEMA_TRAINING_SERVING_SKEW,
            "Scores not repeated",
            f"{replay.num_differing:,} of {replay.num_replayed:,} served pages scored again have "
            f"other scores, by up to {replay.max_relative_difference:.2%} of themselves, expected "
            f"at most {MAX_SCORE_DIFFERENCE:.3%}",
            proposals.mend("find what the server computes apart from its bundle"),
        )


def _of_feature(name: str, found: FeatureSkew, most: float) -> Iterator[Finding]:
    rows = f"of {found.num_joined:,} rows"
    type_ = Info.SCHEMA_TRAINING_SERVING_SKEW
    if found.is_never_served:
        yield Finding(
            name,
            type_,
            "Never served",
            f"the server had no value in any {rows}, training has one in "
            f"{found.num_missing_served:,}",
            proposals.mend("send the feature with each request, or train without it"),
        )
    elif found.is_never_trained:
        yield Finding(
            name,
            type_,
            "Never in training",
            f"training has no value in any {rows}, the server had one in "
            f"{found.num_missing_trained:,}",
            proposals.mend("log the feature that is served, or serve without it"),
        )
    elif found.differing_share > most:
        yield Finding(
            name,
            type_,
            "Training-serving skew",
            f"{found.differing_share:.1%} {rows} differ between serving and training, expected at "
            f"most {most:.1%}{_examples(found)}",
            proposals.mend("compute the feature in one way for both"),
        )


def _examples(found: FeatureSkew) -> str:
    shown = [f"served {one.served!r}, trained {one.trained!r}" for one in found.examples]
    return ": " + "; ".join(shown[:NUM_ROWS_SHOWN]) if shown else ""
