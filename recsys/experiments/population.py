"""Who an experiment is of: how many users came by when, and what made their pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.experiments.observed import Observed


@dataclass(frozen=True)
class Served:
    """What made pages of an arm."""

    arm: str
    bundle: str | None
    """Version of the bundle; None for a policy."""
    num_users: int
    """Whom it served at least once."""
    first_day: dt.date


@dataclass(frozen=True)
class Population:
    """An experiment's users."""

    by_day: Mapping[str, Sequence[int]]
    """By arm, the control first: those exposed by the end of each day."""
    served: Sequence[Served]
    """By arm in the same order, then by day."""


def population(name: str, observed: Observed, exposures: pa.Table) -> Population:
    """Counts an experiment's users.

    Args:
        name: the experiment's.
        observed: its users, each in one arm.
        exposures: as `recsys.experiments.tables.EXPOSURES`, of any experiments.
    """
    num_days = len(observed.days)
    by_day = {
        arm: np.bincount(observed.since[observed.arm == place], minlength=num_days)
        for place, arm in enumerate(observed.arms)
    }
    mine = exposures.filter(pc.equal(exposures["experiment"], name))
    return Population(
        by_day={arm: np.cumsum(counts).tolist() for arm, counts in by_day.items()},
        served=_served(observed.arms, mine),
    )


def _served(arms: Sequence[str], exposures: pa.Table) -> list[Served]:
    found = exposures.group_by(["arm", "bundle"]).aggregate(
        [("user_id", "count_distinct"), ("time", "min")]
    )
    rows = [
        Served(row["arm"], row["bundle"], row["user_id_count_distinct"], row["time_min"].date())
        for row in found.to_pylist()
    ]
    return sorted(rows, key=lambda one: (arms.index(one.arm), one.first_day, one.bundle or ""))
