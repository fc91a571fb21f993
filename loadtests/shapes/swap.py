"""Constant visitors, and in the middle another bundle: it is asked for over HTTP, as an operator
does, and the one that served before comes back at three quarters of the time. A swap that the
server refuses is a failed request of locust's table.

    RECSYS_ADMIN_TOKEN=... locust -f loadtests/shapes/swap.py --headless -H URL
"""

from __future__ import annotations

import os
from typing import ClassVar
from urllib.parse import quote

from locust import User, task
from locust.clients import HttpSession

from loadtests import locustfile
from loadtests.shapes import stages


class Constant(stages.Stages):
    """All visitors, all the time."""

    stages = (stages.Stage(1.0, 1.0),)


class Visitor(locustfile.Visitor):
    """Opens one page after another."""


class Operator(User):  # type: ignore[misc]  # locust's types are not followed
    """The one person who swaps: there and back."""

    fixed_count: ClassVar[int] = 1

    def on_start(self) -> None:
        """Learns what serves, and what else could."""
        environment = self.environment
        self._client = HttpSession(
            self.host, environment.events.request, user=self, pool_manager=None
        )
        token = os.environ.get("RECSYS_ADMIN_TOKEN", "")
        self._client.headers["Authorization"] = f"Bearer {token}"
        bundles = self._client.get("/v1/bundles").json()
        others = [one for one in bundles["versions"] if one != bundles["serving"]]
        if not others:
            raise SystemExit(f"{self.host} has one bundle, expected two at least to swap.")
        self._swaps = [(0.5, others[-1]), (0.75, bundles["serving"])]

    @task  # type: ignore[untyped-decorator]  # as above
    def swap(self) -> None:
        """Asks for the next bundle, when it is time."""
        shape = self.environment.shape_class
        if self._swaps and shape.share_gone() >= self._swaps[0][0]:
            version = quote(self._swaps.pop(0)[1])
            self._client.post(f"/v1/bundles/{version}:activate", name="a swap")

    def wait_time(self) -> float:
        """Looks at the clock as often as this."""
        return 0.1
