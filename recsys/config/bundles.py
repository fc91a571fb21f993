"""How long bundles are kept."""

from __future__ import annotations

from pydantic import Field

from recsys.config.section import Section


class Bundles(Section):
    """How long bundles are kept: a push and `recsys bundles prune` delete the others. What serves,
    and what a rollback returns to, is never deleted."""

    keep: int = Field(7, ge=1)
    """The newest that are kept."""
    max_ancestors: int = Field(365, ge=0)
    """Those that what serves was warm-started from, one behind the other, that are kept too."""
