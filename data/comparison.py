"""Policies compared on the same users, with intervals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data.arrays import Floats, Integers
from data.audience import Audience
from recsys.query import Query

BATCH = 256  # queries that a policy answers at once
NUM_RESAMPLES = 1_000
BASELINE = "most_popular"


class Policy(Protocol):
    """Answers queries with pages of app ids, the best first."""

    def __call__(self, queries: Sequence[Query], /) -> Sequence[Sequence[str]]:
        """One page a query, of at most its k apps."""


@dataclass(frozen=True)
class Estimate:
    """A mean over users, and the 95 % interval that resampling users gives."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """What policies are worth to the same users."""

    day: dt.date
    num_users: int
    expected_installs: Mapping[str, Estimate]
    """A page's, by policy."""
    gains: Mapping[str, Estimate]
    """A page's less that of the most popular apps, user by user, by policy."""


def compare(audience: Audience, policies: Mapping[str, Policy]) -> Comparison:
    """The policies beside the most popular apps, random ones, and an oracle's."""
    pages: dict[str, Integers] = {
        **{name: audience.rows(answers(policy, audience)) for name, policy in policies.items()},
        BASELINE: audience.most_popular(),
        "random": audience.random(),
        "oracle": audience.oracle(),
    }
    worth = {name: audience.worth(rows) for name, rows in pages.items()}
    baseline = worth[BASELINE]
    return Comparison(
        day=audience.day,
        num_users=len(audience.users),
        expected_installs={name: bootstrapped(values) for name, values in worth.items()},
        gains={
            name: bootstrapped(values - baseline)
            for name, values in worth.items()
            if name != BASELINE
        },
    )


def answers(policy: Policy, audience: Audience) -> list[Sequence[str]]:
    """The policy's pages, asked for in batches."""
    queries = audience.queries()
    return [
        page
        for begin in range(0, len(queries), BATCH)
        for page in policy(queries[begin : begin + BATCH])
    ]


def bootstrapped(values: Floats) -> Estimate:
    """The mean of the users' values `[n]`, by the percentile bootstrap."""
    rng = np.random.default_rng(0)
    means = [
        values[rng.integers(len(values), size=len(values))].mean() for _ in range(NUM_RESAMPLES)
    ]
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high))
