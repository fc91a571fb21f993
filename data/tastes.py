"""The space of tastes in which apps and users meet, and where categories, countries, age bands and
devices lie in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.arrays import Floats
from data.lexicon import AGE_BANDS, CATEGORIES, COUNTRIES, DEVICES
from data.streams import Streams

TASTE_DIM = 12


@dataclass(frozen=True)
class Tastes:
    """Unit vectors, `[number of its kind, taste_dim]`."""

    of_category: Floats
    of_country: Floats
    of_age_band: Floats
    of_device: Floats

    @classmethod
    def drawn(cls, streams: Streams) -> Tastes:
        """The vectors of a seed's world. Games lie near each other, and so do other apps."""
        group = _units(streams.rng("tastes", "groups"), 2)
        is_game = np.array([c.is_game for c in CATEGORIES]).astype(int)
        categories = _units(streams.rng("tastes", "categories"), len(CATEGORIES))
        return cls(
            of_category=unit_rows(categories + 0.4 * group[is_game]),
            of_country=_units(streams.rng("tastes", "countries"), len(COUNTRIES)),
            of_age_band=_units(streams.rng("tastes", "age bands"), len(AGE_BANDS)),
            of_device=_units(streams.rng("tastes", "devices"), len(DEVICES)),
        )

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return TASTE_DIM


def unit_rows(vectors: Floats) -> Floats:
    """The rows, scaled to length one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Floats = np.divide(vectors, lengths, dtype=np.float32)
    return units


def _units(rng: np.random.Generator, n: int) -> Floats:
    return unit_rows(rng.standard_normal((n, TASTE_DIM), np.float32))
