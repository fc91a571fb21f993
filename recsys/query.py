"""What is asked of the recommender."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Query:
    """A user and the context of the request."""

    user_id: str
    time: dt.datetime
    """When it is asked, UTC."""
    features: Mapping[str, Any] = field(default_factory=dict)
    """Columns of the users and requests tables by name (country, language, device, age_band,
    surface, ...); a missing one is a missing value."""
    installed_app_ids: Sequence[str] = ()
    """Apps on the user's device, oldest first."""
    exclude: frozenset[str] = frozenset()
    """Apps not to show."""
    seed_app: str | None = None
    """An app whose neighbours join the candidates; one that isn't in the catalogue adds none."""
    k: int = 20
    """Apps wanted."""
