"""The two-stage request path: query -> candidates -> filters -> ranking -> page.

Evaluation, the A/B simulation and the server all call `Recommender.recommend`; there is no other
path.
"""

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
    """An app whose neighbours join the candidates."""
    k: int = 20
    """Apps wanted."""


@dataclass(frozen=True)
class Item:
    """One place on a page."""

    position: int
    """1 is the top."""
    app_id: str
    score: float
    """The ranker's chance of an install."""
    sources: tuple[str, ...]
    """Which sources proposed it: retrieval, popular, new, similar, catalogue."""


@dataclass(frozen=True)
class Page:
    """What is shown, and what was not and why."""

    items: tuple[Item, ...]
    num_removed: Mapping[str, int]
    """Candidates removed, by filter: installed, excluded, country, device."""
