"""An experiment on disk, as a simulation leaves it: of users whose truth is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys.experiments.stored import DailyTable
from recsys.experiments.tables import EXPOSURES, OUTCOMES

START = dt.date(2025, 3, 3)
_COLUMNS = [name for name in OUTCOMES.names if name not in ("user_id", "day")]


def write(
    folder: Path,
    name: str,
    num_users: int = 4_000,
    num_days: int = 7,
    num_days_before: int = 7,
    lift: float = 0.0,
    slower: float = 0.0,
    lost: float = 0.0,
    arms: Sequence[str] = ("control", "treatment"),
    bundles: Sequence[str | None] = ("2025-03-01-aaaa", "2025-03-02-bbbb"),
    seed: int = 1,
) -> None:
    """Writes `exposures` and `outcomes` by day.

    Args:
        folder: of the experiment.
        name: the experiment's.
        num_users: of all arms together, dealt in equal parts.
        num_days: of the experiment; a user comes on each with a habit of their own.
        num_days_before: days that foretell it.
        lift: of the last arm's installs.
        slower: of the last arm's pages.
        lost: share of the last arm's users that leave no trace.
        arms: the control first.
        bundles: what made each arm's pages.
        seed: of all chance.
    """
    rng = np.random.default_rng(seed)
    ids = np.array([f"u{number:06d}" for number in range(num_users)])
    arm = rng.integers(len(arms), size=num_users)
    is_last = arm == len(arms) - 1
    kept = ~(is_last & (rng.random(num_users) < lost))
    habit = rng.gamma(0.5, 1.0, num_users)
    seen = np.zeros(num_users, bool)
    for number in range(-num_days_before, num_days):
        day = START + dt.timedelta(days=number)
        treated = is_last & (number >= 0)
        rate = habit * np.where(treated, 1 + lift, 1.0)
        pace = 20 * np.where(treated, 1 + slower, 1.0)
        rows = _day(rng, rate, pace, habit)
        here = (rows["pages"] > 0) & kept
        DailyTable(folder / "outcomes").write(day, _outcomes(ids, rows, here, day))
        first = here & ~seen & (number >= 0)
        seen |= first
        if number >= 0:
            exposed = _exposures(name, ids, arm, first, day, arms, bundles)
            DailyTable(folder / "exposures").write(day, exposed)


def _day(
    rng: np.random.Generator,
    rate: NDArray[np.float64],
    pace: NDArray[np.float64],
    habit: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    pages = rng.poisson(0.3 + habit)
    clicks = rng.poisson(2 * rate)
    installs = np.where(pages > 0, rng.poisson(rate), 0)
    latency = pages * pace * rng.gamma(50.0, 1 / 50.0, len(rate))
    rows = {
        "pages": pages,
        "empty_pages": rng.binomial(pages, 0.01),
        "impressions": 10 * pages,
        "clicks": clicks,
        "installs": installs,
        "uninstalls": rng.binomial(installs, 0.1),
        "latency_ms": latency,
    }
    return {key: values.astype(np.float64) for key, values in rows.items()}


def _outcomes(
    ids: NDArray[np.str_],
    rows: dict[str, NDArray[np.float64]],
    here: NDArray[np.bool_],
    day: dt.date,
) -> pa.Table:
    columns = {"user_id": ids[here].tolist(), "day": [day] * int(here.sum())}
    return pa.table(columns | {key: rows[key][here] for key in _COLUMNS}, schema=OUTCOMES)


def _exposures(
    name: str,
    ids: NDArray[np.str_],
    arm: NDArray[np.int64],
    first: NDArray[np.bool_],
    day: dt.date,
    arms: Sequence[str],
    bundles: Sequence[str | None],
) -> pa.Table:
    chosen = np.flatnonzero(first).tolist()
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
    columns = {
        "user_id": [str(ids[place]) for place in chosen],
        "experiment": [name] * len(chosen),
        "arm": [arms[arm[place]] for place in chosen],
        "bundle": [bundles[arm[place]] for place in chosen],
        "time": [noon] * len(chosen),
    }
    return pa.table(columns, schema=EXPOSURES)
