"""A load that changes by stages; the shapes beside this module are made of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from locust import LoadTestShape

_SECONDS, _VISITORS = "RECSYS_LOAD_SECONDS", "RECSYS_LOAD_VISITORS"


class Stage(NamedTuple):
    """A stretch of time with as many visitors."""

    share: float
    """Of the whole time."""
    visitors: float
    """Over the most that there are."""


class Stages(LoadTestShape):  # type: ignore[misc]  # locust's types are not followed
    """Goes through stages; `RECSYS_LOAD_SECONDS` says in how long, `RECSYS_LOAD_VISITORS` how many
    the most are."""

    abstract: ClassVar[bool] = True
    stages: ClassVar[Sequence[Stage]]
    """What it goes through."""
    seconds: ClassVar[float] = 60.0
    """How long it takes where nobody says."""

    def tick(self) -> tuple[int, float] | None:
        """Visitors now, and how many of them may come a second; None at the end."""
        most = int(os.environ.get(_VISITORS, "64"))
        left = self.share_gone()
        for stage in self.stages:
            left -= stage.share
            if left < 0:
                return max(1, round(stage.visitors * most)), most
        return None

    def share_gone(self) -> float:
        """How much of the whole time is over."""
        seconds = float(os.environ.get(_SECONDS, self.seconds))
        gone: float = self.get_run_time() / seconds
        return gone
