"""The users of the hidden world: what the store knows of them, and what only the world knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.arrays import Floats, Integers
from data.catalogue import draw
from data.lexicon import AGE_SHARES, CATEGORIES, COUNTRIES, DEVICE_SHARES
from data.streams import Streams
from data.tastes import Tastes, unit_rows

SHARE_OF_ENGLISH_ABROAD = 0.1
ACTIVITY_SIGMA = 0.8  # of the log-normal number of requests


@dataclass(frozen=True)
class Population:
    """Users by row. Every array is `[num_users]` but where it says so."""

    user_id: Any
    """Arrow strings."""
    country: Integers
    language: Any
    """Arrow strings."""
    device: Integers
    age_band: Integers
    activity: Floats
    """Hidden: requests relative to a mean user's."""
    taste: Floats
    """Hidden: unit vectors `[num_users, taste_dim]`."""

    def __len__(self) -> int:
        return len(self.country)

    @classmethod
    def drawn(cls, streams: Streams, num_users: int, tastes: Tastes) -> Population:
        """The population of a seed's world."""
        rng = streams.rng("users")
        country = draw(rng, [c.share for c in COUNTRIES], num_users)
        device = draw(rng, DEVICE_SHARES, num_users)
        age_band = draw(rng, AGE_SHARES, num_users)
        activity = rng.lognormal(-(ACTIVITY_SIGMA**2) / 2, ACTIVITY_SIGMA, num_users)
        english = rng.random(num_users) < SHARE_OF_ENGLISH_ABROAD
        local = pa.array([c.language for c in COUNTRIES]).take(pa.array(country))
        number = pc.utf8_lpad(pa.array(np.arange(num_users)).cast(pa.string()), 7, "0")
        return cls(
            user_id=pc.binary_join_element_wise("u", number, ""),
            country=country,
            language=pc.if_else(pa.array(english), "en", local),
            device=device,
            age_band=age_band,
            activity=activity.astype(np.float32),
            taste=unit_rows(
                _favourites(streams.rng("users", "favourites"), num_users, tastes)
                + 0.35 * tastes.of_country[country]
                + 0.35 * tastes.of_age_band[age_band]
                + 0.2 * tastes.of_device[device]
                + 0.3
                * unit_rows(
                    streams.rng("users", "taste").standard_normal(
                        (num_users, tastes.dim), np.float32
                    )
                )
            ),
        )


def _favourites(rng: np.random.Generator, num_users: int, tastes: Tastes) -> Floats:
    """A user's mix of three favourite categories, the first the strongest."""
    favourites = draw(rng, [c.share for c in CATEGORIES], num_users * 3).reshape(-1, 3)
    weights = np.array([1.0, 0.6, 0.35], np.float32)
    mixed = np.einsum("uft,f->ut", tastes.of_category[favourites], weights)
    return unit_rows(mixed)
