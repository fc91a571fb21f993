"""What a span's data must be like before anything is trained on it."""

from __future__ import annotations

from pydantic import Field

from recsys.config.section import Section


class Validation(Section):
    """What the first schema expects of the days after the one that it is inferred from. From then
    on the schema counts: change it with `recsys schema approve`."""

    presence_slack: float = Field(0.01, ge=0, le=1)
    """How much less of its rows a feature may be present in, beyond what chance explains."""
    range_room: float = Field(10.0, ge=1)
    """How many times the first span's extremes a number may reach."""
    min_domain_mass: float = Field(0.99, ge=0, le=1)
    """Share of a category's values that must lie in its domain."""
    min_examples_share: float = Field(0.2, ge=0, le=1)
    """Share of the first span's examples that every span must have."""
    min_volume_ratio: float = Field(0.5, ge=0, le=1)
    """Least examples of a span, over those of the last one that passed."""
    max_volume_ratio: float = Field(2.0, ge=1)
    """Most examples of a span, over those of the last one that passed."""
    max_category_drift: float = Field(0.06, ge=0, le=1)
    """Largest change of a category's share (L-infinity), beyond what chance explains."""
    max_number_drift: float = Field(0.01, ge=0, le=1)
    """Largest Jensen-Shannon divergence of a number, in bits, beyond what chance explains."""
    max_skew: float = Field(0.01, ge=0, le=1)
    """Share of served rows whose feature may differ from the training example's."""
    skew_tolerance: float = Field(0.2, ge=0, lt=1)
    """Share of a number that the served one may be off by. A bundle knows its apps as of the day
    that it was made of, so ages and installs of a day before must pass."""
