"""The catalogue of an untrained bundle: apps drawn at random, of which a tenth is limited to some
countries, and a tenth to some devices."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from recsys.tables import SCHEMAS

SPAN = "2024-03-14"
COUNTRIES = [f"{a}{b}" for a in "ABCDE" for b in "NORSU"]
DEVICES = ["phone", "tablet", "watch"]
TEXTS = {
    "country": COUNTRIES,
    "device": DEVICES,
    "language": [f"l{number}" for number in range(16)],
    "age_band": ["13-17", "18-24", "25-34", "35-49", "50+"],
    "surface": ["home", "search"],
    "category": [f"category {number}" for number in range(32)],
    "content_rating": ["everyone", "teen", "mature"],
}
NUMBERS = ("price", "size_mb", "age_days", "num_installs", "rating")
_APPS_PER_DEVELOPER = 5
_SHARE_LIMITED = 0.1
"""Of apps that are sold in some countries only, and of those that run on some devices only."""


def app_ids(num_apps: int) -> list[str]:
    """The ids of the catalogue's apps, in its order."""
    return [f"app-{number:07d}" for number in range(num_apps)]


def drawn_apps(random: np.random.Generator, num_apps: int) -> pa.Table:
    """A snapshot of apps."""
    developers = random.integers(-(-num_apps // _APPS_PER_DEVELOPER), size=num_apps)
    first = dt.date.fromisoformat(SPAN)
    age_days = random.integers(0, 3_000, size=num_apps)
    numbers = {name: random.exponential(size=num_apps).astype(np.float32) for name in NUMBERS}
    columns: dict[str, Any] = {
        "app_id": app_ids(num_apps),
        "title": [f"App {number}" for number in range(num_apps)],
        "developer": np.char.add("developer-", developers.astype(str)),
        **{name: random.choice(TEXTS[name], num_apps) for name in ("category", "content_rating")},
        **numbers,
        "age_days": age_days.astype(np.float32),
        "release_day": np.datetime64(first, "D") - age_days,
        "countries": _limits(random, COUNTRIES, num_apps),
        "devices": _limits(random, DEVICES, num_apps),
    }
    schema = SCHEMAS["apps"]
    return pa.table(
        {name: pa.array(columns[name], schema.field(name).type) for name in schema.names}, schema
    )


def _limits(random: np.random.Generator, values: list[str], count: int) -> pa.Array:
    """Null for most, half of the values for the others."""
    some = pa.array([None, *(random.permutation(values)[::2].tolist() for _ in range(64))])
    is_limited = random.random(count) < _SHARE_LIMITED
    return some.take(pa.array(np.where(is_limited, random.integers(1, 65, size=count), 0)))
