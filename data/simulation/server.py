"""A running server, as the world's users ask it and tell it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from recsys.errors import BadInput
from recsys.query import Query

_AT_ONCE = 16
_EVENTS = 1_000
_SECONDS = 30.0
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Answer = Mapping[str, Any]
"""What a server answered for a page."""
Event = dict[str, Any]

_CONTEXT = ("country", "language", "device", "surface")


class Server:
    """A running server, asked by some people at once."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=_SECONDS)
        self._people = ThreadPoolExecutor(_AT_ONCE, "people")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *failure: object) -> None:
        self._people.shutdown()
        self._client.close()

    def answers(self, queries: Sequence[Query]) -> list[Answer]:
        """What it answers to each query.

        Raises:
            BadInput: it refuses one.
        """
        return list(self._people.map(self._answer, queries))

    def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Reports what happened, in order."""
        for begin in range(0, len(events), _EVENTS):
            self._posted("/v1/events", {"events": events[begin : begin + _EVENTS]})

    def _answer(self, query: Query) -> dict[str, Any]:
        context = {name: query.features[name] for name in _CONTEXT}
        return self._posted(
            "/v1/recommend", {"user_id": query.user_id, "k": query.k, "context": context}
        )

    def _posted(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._client.post(path, json=body)
        if answer.status_code != httpx.codes.OK:
            raise BadInput(
                f"{self._client.base_url} answered {answer.status_code} to {path}: {answer.text}"
            )
        said: dict[str, Any] = answer.json()
        return said


def asked_at(answer: Answer) -> dt.datetime:
    """When the server was asked, to the millisecond: the end of the request's id says so."""
    return _EPOCH + dt.timedelta(milliseconds=int(answer["request_id"][-12:], 16))


def impressions(query: Query, answer: Answer) -> list[Event]:
    """What a user sees of a page, as events."""
    return [
        event("impression", query.user_id, item["app_id"], answer["request_id"])
        | {"position": item["position"]}
        for item in answer["items"]
    ]


def event(kind: str, user_id: str, app_id: str, request_id: str | None) -> Event:
    """Something that happened just now; `request_id` names the page that it answers."""
    of_page = {"request_id": request_id} if request_id else {}
    return {
        "event_id": uuid.uuid4().hex,
        "user_id": user_id,
        "app_id": app_id,
        "kind": kind,
        **of_page,
    }


def app_ids(answer: Answer) -> list[str]:
    """A page's apps, the top first."""
    return [item["app_id"] for item in answer["items"]]
