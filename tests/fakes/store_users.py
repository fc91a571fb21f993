"""Users of a made-up store, small and drawn in a moment, whose experiments have a known truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np

from recsys.experiments.observed import Floats, Observed

START = dt.date(2025, 3, 1)


def experiment_of(
    rng: np.random.Generator,
    num_users: int = 2_000,
    num_days: int = 7,
    lift: float = 0.0,
    dimensions: Mapping[str, Floats] | None = None,
    share_without_past: float = 0.0,
) -> Observed:
    """Two arms of people who install now and then; the treatment's install more by `lift`."""
    habit = rng.gamma(0.5, 1.0, num_users)
    arm = rng.integers(2, size=num_users)
    rate = habit * np.where(arm == 1, 1 + lift, 1.0)
    installs = rng.poisson(rate[:, None], (num_users, num_days)).astype(np.float64)
    pages = installs + rng.poisson(2 + habit[:, None], (num_users, num_days))
    before = {
        "installs": rng.poisson(7 * habit).astype(np.float64),
        "pages": rng.poisson(7 * (2 + habit)).astype(np.float64),
    }
    is_new = rng.random(num_users) < share_without_past
    return Observed(
        arms=("control", "treatment"),
        arm=arm,
        since=np.zeros(num_users, np.int64),
        days=tuple(START + dt.timedelta(days=day) for day in range(num_days)),
        daily={"installs": installs, "pages": pages},
        before={name: np.where(is_new, np.nan, values) for name, values in before.items()},
        dimensions=dict(dimensions or {}),
    )
