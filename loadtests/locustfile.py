"""Locust users who open the store: each asks for page after page, and now and then tells
what was shown and clicks.

The loop is closed, as it is by default in locust: a user sends the next request when the last one
is answered, so a server that slows down is asked less, and waiting time hides at saturation. Read
these latencies as those at this number of users, not as those at an arrival rate.

A page that is empty or shorter than asked for is a failure. No app is installed, so the users stay
who they are; the impressions and clicks do land in the server's event log.

    locust -f loadtests/locustfile.py --headless -u 8 -t 10s -H http://127.0.0.1:8501

Environment: `RECSYS_LOAD_USERS`, a file with a user id a line (else `/v1/users` is asked for some);
`RECSYS_LOAD_RAW`, a file to write every request to, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import gevent
import httpx
from locust import FastHttpUser, events
from locust.env import Environment

USERS_FILE = "RECSYS_LOAD_USERS"
RAW_FILE = "RECSYS_LOAD_RAW"

_K = 20
_MAX_USERS = 10_000
_TOLD_SHARE = 0.1
_SURFACES = ("home", "home", "home", "search")
_SEED = 2017

user_ids: list[str] = []
"""Whose pages are asked for."""
_raw: list[dict[str, Any]] = []
_number = count()


def choose_users(environment: Environment, **_: Any) -> None:
    """Reads the ids that the load comes from; ends locust where there are none."""
    path = os.environ.get(USERS_FILE)
    user_ids[:] = Path(path).read_text().split() if path else _asked(str(environment.host))
    if not user_ids:
        raise SystemExit(f"{path or environment.host} names no users, expected one at least.")
    # gevent counts locust's run time from when it last looked at the clock: before all imports.
    gevent.get_hub().loop.update_now()


def _asked(host: str) -> list[str]:
    found: list[str] = []
    after: str | None = ""
    try:
        while after is not None and len(found) < _MAX_USERS:
            query: dict[str, str | int] = {"limit": 1_000, "after": after}
            answer = httpx.get(f"{host}/v1/users", params=query, timeout=30).raise_for_status()
            found += [user["user_id"] for user in answer.json()["users"]]
            after = answer.json()["next"]
    except httpx.HTTPError as error:
        raise SystemExit(f"{host}/v1/users: {error}") from None
    return found


def keep(
    name: str, start_time: float, response_time: float, exception: Exception | None, **_: Any
) -> None:
    """Keeps every request: percentiles of rounded or merged figures are not percentiles."""
    error = None if exception is None else str(exception)
    _raw.append({"name": name, "time": start_time, "ms": response_time, "error": error})


def write(**_: Any) -> None:
    """Writes what was kept."""
    if path := os.environ.get(RAW_FILE):
        Path(path).write_text("".join(json.dumps(request) + "\n" for request in _raw))


events.init.add_listener(choose_users)
events.request.add_listener(keep)
events.quitting.add_listener(write)


def visit(visitor: Visitor) -> None:
    """One page, and what came of it."""
    user_id = visitor.random.choice(user_ids)
    page = visitor.recommend(user_id)
    if page["items"] and visitor.random.random() < _TOLD_SHARE:
        visitor.tell(user_id, page)


class Visitor(FastHttpUser):  # type: ignore[misc]  # locust's types are not followed
    """Opens one person's page after another."""

    tasks: ClassVar = [visit]

    def on_start(self) -> None:
        """Gives each visitor a stream of people of its own."""
        self.random = random.Random(_SEED + next(_number))

    def recommend(self, user_id: str) -> dict[str, Any]:
        """Asks for a page and returns it; one that is not full is a failure."""
        asked = {
            "user_id": user_id,
            "k": _K,
            "context": {"surface": self.random.choice(_SURFACES)},
        }
        with self.client.post("/v1/recommend", json=asked, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
                return {"items": []}
            page: dict[str, Any] = answer.json()
            if len(page["items"]) != _K:
                found = f"{len(page['items'])} apps, expected {_K}"
                answer.failure(found if page["items"] else "empty page")
            return page

    def tell(self, user_id: str, page: dict[str, Any]) -> None:
        """Posts that all of a page was seen and one app of it clicked."""
        clicked = self.random.choice(page["items"])
        seen = [*((item, "impression") for item in page["items"]), (clicked, "click")]
        told = [
            {
                "event_id": uuid.uuid4().hex,
                "user_id": user_id,
                "app_id": item["app_id"],
                "kind": kind,
                "request_id": page["request_id"],
                "position": item["position"],
            }
            for item, kind in seen
        ]
        self.client.post("/v1/events", json={"events": told})
