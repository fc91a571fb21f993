"""Recommendations, neighbours, and what the catalogue says of apps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.encoders import jsonable_encoder
from starlette.responses import JSONResponse, Response

from serving import problems, request_ids
from serving.api import (
    AppsAnswer,
    CatalogueAnswer,
    Id,
    Recommendations,
    RecommendRequest,
    SimilarApps,
)
from serving.bodies import Body, app_body, apps_body, encoded, items_body, page_body
from serving.queries import assemble, checked_k
from serving.read_body import reader, reading
from serving.state import State

router = APIRouter(prefix="/v1", tags=["apps"], responses=problems.NOT_READY)
Ids = Annotated[list[Id], Query(alias="id", min_length=1, max_length=1_000)]


async def recommend(request: RecommendRequest, state: State) -> Response:
    """A user's page of apps; the whole of it from one bundle."""
    live = state.recommender()
    record = await state.record(request.user_id)
    query = assemble(request, record, state.config, dt.datetime.now(dt.UTC))
    request_id = request_ids.new(query.time)
    choice = state.chosen(live, query, record)
    answer = await state.queue.page(choice.recommender, query)
    state.answered(request_id, query, choice, answer)
    # A ready answer: validating what we made ourselves would cost a fifth of the throughput.
    return _json(page_body(request_id, answer, choice.label))


recommended = reader(RecommendRequest, recommend)
router.add_api_route(
    "/recommend",
    recommend,
    methods=["POST"],
    response_model=Recommendations,
    responses=problems.BODY,
    route_class_override=reading(recommended),
)


@router.get("/similar/{app_id:path}", response_model=SimilarApps, responses=problems.UNKNOWN)
async def similar(app_id: str, state: State, k: Annotated[int, Query(ge=1)] = 10) -> Response:
    """The apps nearest to an app."""
    recommender = state.recommender()
    checked_k(k, state.config)
    try:
        items = await state.queue.alone(recommender, lambda: recommender.similar(app_id, k))
    except KeyError:
        raise _unknown(app_id) from None
    body = {"app_id": app_id, "bundle": recommender.version}
    return _json({**body, "items": items_body(items, recommender)})


@router.get("/apps", response_model=AppsAnswer)
async def apps(ids: Ids, state: State) -> Response:
    """What the catalogue says of several apps; of an unknown one, the id alone."""
    return JSONResponse(jsonable_encoder({"apps": apps_body(ids, state.recommender())}))


@router.get("/apps/{app_id:path}", responses=problems.UNKNOWN)
async def app(app_id: str, state: State) -> dict[str, object]:
    """What the catalogue says of an app: title, category, developer, price and so on."""
    try:
        return app_body(app_id, state.recommender())
    except KeyError:
        raise _unknown(app_id) from None


@router.get("/catalogue")
async def catalogue(state: State) -> CatalogueAnswer:
    """What can be asked for."""
    recommender = state.recommender()
    return CatalogueAnswer(
        bundle=recommender.version,
        num_apps=len(recommender.catalogue),
        countries=list(recommender.catalogue.countries.values),
        devices=list(recommender.catalogue.devices.values),
    )


class _Encoded(Response):
    """JSON that is bytes already; its head is written without looking at what it might be."""

    media_type = "application/json"

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """The two headers that it has."""
        length = b"%d" % len(self.body)
        self.raw_headers = [(b"content-length", length), (b"content-type", b"application/json")]


def _json(body: Body) -> Response:
    return _Encoded(encoded(body))


def _unknown(app_id: str) -> HTTPException:
    return HTTPException(404, f"app {app_id!r} is not in the catalogue of the bundle that serves.")
