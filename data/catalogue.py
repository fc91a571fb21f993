"""The apps of the hidden world: what the store shows of them, and what only the world knows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.arrays import Bits, Booleans, Days, Floats, Integers
from data.lexicon import (
    ADJECTIVES,
    CATEGORIES,
    COMPANIES,
    CONTENT_SHARES,
    COUNTRIES,
    CREATURES,
    DEVICE_SHARES,
    DEVICES,
    PRICE_SHARES,
    PRICES,
)
from data.tastes import Tastes, unit_rows

EVERYWHERE = np.uint32(2 ** len(COUNTRIES) - 1)
EVERY_DEVICE = np.uint32(2 ** len(DEVICES) - 1)

MEAN_AGE_DAYS = 500.0
SHARE_LOCAL = 0.12  # of apps, sold in their developer's country and a few others only
SHARE_DEVICE_BOUND = 0.15  # of apps, made for some devices only
POPULARITY_TAIL = 0.65  # exponent of the long tail: the Zipf-like exponent of popularity by rank


@dataclass(frozen=True)
class Developers:
    """Who makes the apps. Arrays of `[num_developers]`."""

    country: Integers
    category: Integers
    taste: Floats
    """`[num_developers, taste_dim]`."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, num_developers: int, tastes: Tastes) -> Developers:
        """Developers with a home country, a favourite category and a taste of their own."""
        return cls(
            country=draw(rng, [c.share for c in COUNTRIES], num_developers),
            category=draw(rng, [c.share for c in CATEGORIES], num_developers),
            taste=unit_rows(rng.standard_normal((num_developers, tastes.dim), np.float32)),
        )


@dataclass(frozen=True)
class Catalogue:
    """Apps by row, in order of release cohort. Every array is `[num_apps]` but where it says so."""

    app_id: Any
    """Arrow strings."""
    title: Any
    """Arrow strings."""
    developer: Any
    """Arrow strings."""
    category: Integers
    price: Floats
    content_rating: Integers
    size_mb: Floats
    release_day: Days
    rating: Floats
    """What the store shows of the quality: mean stars."""
    country_bits: Bits
    """Bit c is set where it is sold in country c."""
    device_bits: Bits
    """Bit d is set where it runs on device d."""
    home_country: Integers
    """Hidden: where it speaks to people."""
    quality: Floats
    """Hidden: standard normal."""
    popularity: Floats
    """Hidden: log of a long-tailed weight, mean about 0."""
    taste: Floats
    """Hidden: unit vectors `[num_apps, taste_dim]`."""
    drift: Floats
    """Hidden: phase (radians) and period (days) of its fashion, `[num_apps, 2]`."""

    def __len__(self) -> int:
        return len(self.category)

    def joined(self, other: Catalogue) -> Catalogue:
        """This catalogue, followed by the other's apps."""
        return Catalogue(
            **{f.name: _joined(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        )

    def sold(self, apps: Integers, country: Integers, device: Integers) -> Booleans:
        """Whether each app is sold in the country and runs on the device; shapes broadcast."""
        sold = self.country_bits[apps] >> country.astype(np.uint32)
        runs = self.device_bits[apps] >> device.astype(np.uint32)
        return (sold & runs & np.uint32(1)).astype(bool)


def drawn_apps(
    rng: np.random.Generator,
    release_day: Days,
    first_row: int,
    developers: Developers,
    tastes: Tastes,
) -> Catalogue:
    """Apps released on the given days `[num_apps]`; their rows begin at `first_row`."""
    n = len(release_day)
    # A power of a uniform: the developers' numbers of apps have a long tail.
    developer = (len(developers.country) * rng.random(n) ** 1.7).astype(np.int32)
    own_category = draw(rng, [c.share for c in CATEGORIES], n)
    category = np.where(rng.random(n) < 0.7, developers.category[developer], own_category)
    quality = rng.standard_normal(n, np.float32)
    home = developers.country[developer]
    app_id, title, developer_name = app_names(rng, developer, category, first_row)
    is_game = np.array([c.is_game for c in CATEGORIES])[category]
    return Catalogue(
        app_id=app_id,
        title=title,
        developer=developer_name,
        category=category.astype(np.int32),
        price=np.array(PRICES, np.float32)[draw(rng, PRICE_SHARES, n)],
        content_rating=draw(rng, CONTENT_SHARES, n),
        size_mb=np.round(np.exp(rng.normal(3.0 + 0.9 * is_game, 0.8, n)), 1).astype(np.float32),
        release_day=release_day,
        rating=np.round(
            np.clip(3.8 + 0.5 * quality + 0.25 * rng.standard_normal(n), 1, 5), 1
        ).astype(np.float32),
        country_bits=_country_bits(rng, home),
        device_bits=_device_bits(rng, n),
        home_country=home,
        quality=quality,
        popularity=(
            POPULARITY_TAIL * (rng.standard_exponential(n, np.float32) - 1) + 0.3 * quality
        ).astype(np.float32),
        taste=unit_rows(
            tastes.of_category[category]
            + 0.3 * developers.taste[developer]
            + 0.45 * unit_rows(rng.standard_normal((n, tastes.dim), np.float32))
        ),
        drift=np.stack([rng.uniform(0, 2 * math.pi, n), rng.uniform(15, 90, n)], 1).astype(
            np.float32
        ),
    )


def release_days_before(rng: np.random.Generator, day: dt.date, num_apps: int) -> Days:
    """Release days of the apps that the store has already on its first day."""
    age = (1 + rng.exponential(MEAN_AGE_DAYS, num_apps)).astype("timedelta64[D]")
    return np.datetime64(day, "D") - age


def draw(rng: np.random.Generator, shares: Sequence[float], size: int) -> Integers:
    """`size` indices, drawn in proportion to shares that need not add to one."""
    edges = np.cumsum(shares)
    return np.searchsorted(edges / edges[-1], rng.random(size), side="right").astype(np.int32)


def _country_bits(rng: np.random.Generator, home: Integers) -> Bits:
    n = len(home)
    local = rng.random(n) < SHARE_LOCAL
    others = rng.random((n, len(COUNTRIES))) < rng.uniform(0.02, 0.5, (n, 1))
    others[np.arange(n), home] = True
    bits = (others * (1 << np.arange(len(COUNTRIES)))).sum(1).astype(np.uint32)
    return np.where(local, bits, EVERYWHERE)


def _device_bits(rng: np.random.Generator, n: int) -> Bits:
    bound = rng.random(n) < SHARE_DEVICE_BOUND
    made_for = draw(rng, DEVICE_SHARES, n)
    with_phone = rng.random(n) < 0.7
    bits = (1 << made_for).astype(np.uint32) | with_phone.astype(np.uint32)
    return np.where(bound, bits, EVERY_DEVICE)


def app_names(
    rng: np.random.Generator, developer: Integers, category: Integers, first_row: int
) -> tuple[Any, Any, Any]:
    """App ids, titles and developers' names; the row's number makes an id unique."""
    n = len(developer)
    lap, place = np.divmod(developer, len(ADJECTIVES) * len(CREATURES))
    adjective = place % len(ADJECTIVES)
    creature = (place + place // len(ADJECTIVES)) % len(CREATURES)
    number = pc.if_else(pa.array(lap > 0), pa.array(lap + 1).cast(pa.string()), "")
    company = pa.array(COMPANIES).take(pa.array(developer % len(COMPANIES)))
    studio = pc.binary_join_element_wise(
        pa.array(ADJECTIVES).take(pa.array(adjective)),
        pa.array(CREATURES).take(pa.array(creature)),
        number,
        "",
    )
    nouns = np.array([category.nouns for category in CATEGORIES])
    noun = pa.array(nouns[category, rng.integers(nouns.shape[1], size=n)])
    epithet = pa.array(ADJECTIVES).take(pa.array(rng.integers(len(ADJECTIVES), size=n)))
    creature_word = pa.array(CREATURES).take(pa.array(rng.integers(len(CREATURES), size=n)))
    row = pa.array(np.arange(first_row, first_row + n)).cast(pa.string())
    app_id = pc.binary_join_element_wise(
        pc.utf8_lower(pc.binary_join_element_wise("com", studio, noun, ".")), row, ""
    )
    title = pc.binary_join_element_wise(epithet, creature_word, noun, " ")
    return app_id, title, pc.binary_join_element_wise(studio, company, " ")


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, np.ndarray):
        return np.concatenate([first, second])
    return pa.concat_arrays([first, second])
