"""From an HTTP request and a user's record to the recommender's query."""

from __future__ import annotations

import datetime as dt

import numpy as np

from recsys.config import Config
from recsys.errors import BadInput
from recsys.recommender import Query
from serving.api import Context, RecommendRequest
from serving.user_store import UserRecord

_LARGEST_NUMBER = float(np.finfo(np.float32).max)


def assemble(
    request: RecommendRequest, record: UserRecord | None, config: Config, now: dt.datetime
) -> Query:
    """The query: the user's profile, with the request's context over it, and the apps installed
    until now.

    Raises:
        BadInput: `k` is beyond `serving.max_k`, or the context has a column that isn't declared.
    """
    record = record or UserRecord(request.user_id)
    return Query(
        user_id=request.user_id,
        time=now,
        features={**record.profile, **_given(request.context, config)},
        installed_app_ids=record.installed_app_ids,
        exclude=frozenset(request.exclude),
        seed_app=request.seed_app,
        k=checked_k(request.k or config.serving.default_k, config),
    )


def checked_k(k: int, config: Config) -> int:
    """The same k.

    Raises:
        BadInput: it is beyond `serving.max_k`.
    """
    if k > config.serving.max_k:
        raise BadInput(f"k = {k}, expected at most {config.serving.max_k}: ask for fewer apps.")
    return k


def _given(context: Context, config: Config) -> dict[str, object]:
    given = {name: value for name, value in vars(context).items() if value is not None}
    if not context.__pydantic_extra__:
        return given
    given |= {
        name: value for name, value in context.__pydantic_extra__.items() if value is not None
    }
    declared = _declared(config)
    if unknown := given.keys() - Context.model_fields.keys() - declared.keys():
        known = {*Context.model_fields, *declared}
        raise BadInput(
            f"context has {', '.join(sorted(unknown))}, expected only {', '.join(sorted(known))}: "
            "declare further columns in recsys.toml as features of the table requests."
        )
    for name, kind in declared.items():
        value = given.get(name)
        if value is not None and kind == "number" and not _is_number(value):
            raise BadInput(f"context has {name} = {value!r:.40}, expected a number of 32 bits.")
    return given


def _declared(config: Config) -> dict[str, str]:
    """Kinds of the columns that a request may bring, by name."""
    return {
        feature.column or name: feature.kind
        for name, feature in config.features.items()
        if feature.table == "requests" and feature.kind in ("category", "number")
    }


def _is_number(value: object) -> bool:
    """Whether a model can be given it; NaN is a missing value."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and not abs(value) > _LARGEST_NUMBER
    )
