"""One user's recommendations for a person at a terminal: from a running server, or from the bundle
in this process where none runs."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from fastapi.encoders import jsonable_encoder
from pydantic import ValidationError

from recsys.errors import BadInput
from recsys.workspace import Workspace
from serving import ladder, population, request_ids
from serving.api import RecommendRequest
from serving.bodies import encoded, page_body, user_body
from serving.population import Progress
from serving.queries import assemble
from serving.user_store import UserRecord, open_store
from serving.versions import Load, Versions, load_recommender

_SECONDS_TO_ANSWER = 30.0
_SECONDS_TO_NOTICE = 0.5


@dataclass(frozen=True)
class Answer:
    """A user and a page, as the HTTP endpoints say them."""

    user: dict[str, Any]
    page: dict[str, Any]


def checked(user_id: str, k: int | None, context: dict[str, str | None]) -> RecommendRequest:
    """The request.

    Raises:
        BadInput: a value that the contract refuses.
    """
    values = {"user_id": user_id, "k": k, "context": context}
    try:
        return RecommendRequest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{where} = {first['input']!r}: {first['msg']}.") from None


def is_ready(url: str) -> bool:
    """Whether a server that can recommend answers there."""
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/readyz", timeout=_SECONDS_TO_NOTICE).status_code == 200
    return False


def ask_server(url: str, request: RecommendRequest) -> Answer:
    """Asks a running server.

    Raises:
        BadInput: it can't be reached, isn't ready or refuses the request.
    """
    try:
        with httpx.Client(base_url=url, timeout=_SECONDS_TO_ANSWER) as client:
            user = client.get(f"/v1/users/{quote(request.user_id, safe='')}")
            page = client.post("/v1/recommend", json=request.model_dump())
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BadInput(f"{url} does not answer ({error}): start it with `recsys serve`.") from None
    if page.status_code != 200:
        raise BadInput(f"{url} answers {page.status_code}: {page.text}")
    unknown = {"user_id": request.user_id, "profile": {}, "installed": []}
    return Answer(user.json() if user.status_code == 200 else unknown, page.json())


def ask_bundle(
    workspace: Workspace,
    request: RecommendRequest,
    progress: Progress,
    load: Load = load_recommender,
) -> Answer:
    """Loads users and the live bundle into this process and asks them.

    Raises:
        BadInput: no bundle serves, or the request asks for too much.
    """
    versions = Versions(workspace, load)
    versions.follow()
    recommender = versions.serving
    if recommender is None:
        refused = versions.refused
        raise BadInput(
            refused.reason if refused else "no bundle serves yet: `recsys run` makes one."
        )
    with contextlib.closing(open_store(workspace)) as store:
        population.seed(store, workspace, progress)
        record = store.get(request.user_id) or UserRecord(request.user_id)
    query = assemble(request, record, workspace.config, dt.datetime.now(dt.UTC))
    [answer] = ladder.answers(recommender, [query], [ladder.WHOLE[0]])
    if isinstance(answer, Exception):
        raise answer
    body = json.loads(encoded(page_body(request_ids.new(query.time), answer)))
    return Answer(jsonable_encoder(user_body(record, recommender)), body)
