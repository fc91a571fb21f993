"""Which bundles there are, and which one serves."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from recsys.errors import BadInput
from serving import problems
from serving.api import BundlesAnswer, RefusedBundle
from serving.state import ServerState, State

router = APIRouter(prefix="/v1", tags=["bundles"])
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def admin(state: State, bearer: _Bearer) -> None:
    """Lets a request pass whose bearer token is the admin's."""
    given = bearer.credentials if bearer else ""
    if not hmac.compare_digest(given.encode(), state.admin_token.encode()):
        raise HTTPException(
            401,
            "the admin token is missing or wrong, expected `Authorization: Bearer` with the one "
            "that the server was started with (RECSYS_ADMIN_TOKEN, or its file admin_token).",
            {"WWW-Authenticate": "Bearer"},
        )


_ANSWERS = problems.FORBIDDEN | problems.REFUSED


@router.get("/bundles")
async def bundles(state: State) -> BundlesAnswer:
    """The bundles that are published, those that serve, and the last one refused."""
    serving, refused = state.versions.serving, state.versions.refused
    lacking = dict(state.versions.lacking)
    if state.shadow.problem:
        lacking[state.choices.shadow.bundle] = state.shadow.problem
    return BundlesAnswer(
        serving=serving.version if serving else None,
        versions=state.versions.published(),
        refused=RefusedBundle(version=refused.version, reason=refused.reason) if refused else None,
        beside=sorted(state.versions.beside),
        lacking=[RefusedBundle(version=v, reason=why) for v, why in sorted(lacking.items())],
    )


@router.post("/bundles/{version}:activate", dependencies=[Depends(admin)], responses=_ANSWERS)
async def activate(version: str, state: State) -> BundlesAnswer:
    """Makes a published bundle the one that serves."""
    return await _swapped(state, lambda: state.versions.activate(version))


@router.post("/bundles:rollback", dependencies=[Depends(admin)], responses=_ANSWERS)
async def rollback(state: State) -> BundlesAnswer:
    """Goes back to the bundle that served before."""
    return await _swapped(state, state.versions.rollback)


async def _swapped(state: ServerState, swap: Callable[[], None]) -> BundlesAnswer:
    try:
        await state.in_load_thread(swap)
    except BadInput as refusal:
        raise HTTPException(409, str(refusal)) from None
    return await bundles(state)
