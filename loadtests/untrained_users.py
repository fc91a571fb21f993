"""The users of an untrained store: profiles and installed apps drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from loadtests.untrained_apps import TEXTS
from recsys.tables import SCHEMAS

NUM_INSTALLED = 50


def drawn_users(random: np.random.Generator, start: int, count: int, apps: pa.Array) -> pa.Table:
    """So many users with `NUM_INSTALLED` apps each.

    Args:
        random: draws their profiles and apps.
        start: the number of the first.
        count: how many.
        apps: ids of the catalogue's apps, `NUM_INSTALLED` at least.
    """
    drawn = {
        name: random.choice(TEXTS[name], count)
        for name in ("country", "language", "device", "age_band")
    }
    # Distinct apps of each user, without a draw a user: equal steps round the catalogue.
    first = random.integers(len(apps), size=(count, 1))
    stride = random.integers(1, len(apps) // NUM_INSTALLED + 1, size=(count, 1))
    rows = (first + stride * np.arange(NUM_INSTALLED)) % len(apps)
    ends = np.arange(0, rows.size + 1, NUM_INSTALLED, dtype=np.int32)
    columns: Mapping[str, Any] = {
        "user_id": [f"user-{number:07d}" for number in range(start, start + count)],
        **drawn,
        "installed_app_ids": pa.ListArray.from_arrays(ends, apps.take(pa.array(rows.ravel()))),
    }
    return pa.table(dict(columns), SCHEMAS["users"])
