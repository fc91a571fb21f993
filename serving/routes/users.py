"""Who the users are, and what they did."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from serving import problems
from serving.api import (
    MAX_USERS_PAGE,
    EventsAnswer,
    EventsRequest,
    UserAnswer,
    UsersAnswer,
    UserSummary,
)
from serving.bodies import user_body
from serving.reported import accepted
from serving.state import State
from serving.user_store import MAX_ID_CHARS, UserRecord

router = APIRouter(prefix="/v1", tags=["users"], responses=problems.NOT_READY)
IdPart = Annotated[str, Query(max_length=MAX_ID_CHARS)]


@router.post("/events", responses=problems.BODY)
async def events(request: EventsRequest, state: State) -> EventsAnswer:
    """Keeps what happened; an install is off the shelf at the next request. The answer comes when
    the events are on disk; sending the same ones again changes nothing."""
    state.require_users()
    now, max_age = dt.datetime.now(dt.UTC), dt.timedelta(days=state.config.serving.event_days)
    kept = await state.keep([accepted(reported, now, max_age) for reported in request.events])
    state.metrics.kept(kept)
    return EventsAnswer(accepted=len(kept), duplicates=len(request.events) - len(kept))


@router.get("/users")
async def users(
    state: State,
    prefix: IdPart = "",
    after: IdPart = "",
    limit: Annotated[int, Query(ge=1, le=MAX_USERS_PAGE)] = 50,
) -> UsersAnswer:
    """Users in the order of their ids: those whose id begins with `prefix`."""
    state.require_users()
    found = await state.users(prefix, after, limit + 1)
    shown = found[:limit]
    following = shown[-1].user_id if len(found) > limit else None
    return UsersAnswer(users=[_summary(record) for record in shown], next=following)


@router.get("/users/{user_id:path}", responses=problems.UNKNOWN)
async def user(user_id: str, state: State) -> UserAnswer:
    """A user's profile and installed apps."""
    recommender = state.recommender()
    record = await state.record(user_id)
    if record is None:
        raise HTTPException(404, f"user {user_id!r} is not in the user store.")
    return UserAnswer(**user_body(record, recommender))


def _summary(record: UserRecord) -> UserSummary:
    return UserSummary(
        user_id=record.user_id,
        profile=dict(record.profile),
        num_installed=len(record.installed_app_ids),
    )
