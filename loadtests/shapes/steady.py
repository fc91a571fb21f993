"""A constant rate, whatever the answers take: as many visitors as `--users` says ask for
`RECSYS_LOAD_RATE` pages a second together. A visitor that is answered too late falls behind, so let
there be visitors to spare.

    RECSYS_LOAD_RATE=500 locust -f loadtests/shapes/steady.py --headless -u 64 -t 60s -H URL
"""

from __future__ import annotations

import os
from typing import ClassVar

from locust import constant_throughput

from loadtests import locustfile

RATE = "RECSYS_LOAD_RATE"


def ask(visitor: Steady) -> None:
    """One page, and nothing told of it."""
    visitor.recommend(visitor.random.choice(locustfile.user_ids))


class Steady(locustfile.Visitor):
    """Asks at its share of the rate."""

    tasks: ClassVar = [ask]

    def wait_time(self) -> float:
        """Seconds until it asks again."""
        num_users = self.environment.runner.target_user_count
        rate = float(os.environ.get(RATE, "100"))
        seconds: float = constant_throughput(rate / num_users)(self)
        return seconds
