"""From the recommender's pages to the bodies of answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from recsys.recommender import Item
from serving.ladder import SHOWN, Answer
from serving.user_store import UserRecord
from serving.versions import ServedRecommender

Body = dict[str, Any]


def page_body(request_id: str, answer: Answer, experiment: str | None = None) -> Body:
    """What `/v1/recommend` answers."""
    return {
        "request_id": request_id,
        "bundle": answer.recommender.version,
        "experiment": experiment,
        "degraded": answer.degraded,
        "items": _items(answer.page.items, answer.shown),
    }


def encoded(body: Body) -> bytes:
    """The body as JSON; NaN, the score of what no ranker saw, becomes null."""
    return to_json(body, inf_nan_mode="null")


def items_body(items: Sequence[Item], recommender: ServedRecommender) -> list[Body]:
    """Recommended apps with their titles."""
    return _items(items, recommender.catalogue.columns([item.app_id for item in items], SHOWN))


def _items(items: Sequence[Item], shown: Sequence[Mapping[str, Any]]) -> list[Body]:
    return [
        {
            "position": position,
            "app_id": app_id,
            **app,
            "score": score,
            "sources": sources,
        }
        for (position, app_id, score, sources), app in zip(items, shown, strict=True)
    ]


def app_body(app_id: str, recommender: ServedRecommender) -> Body:
    """What the catalogue says of an app.

    Raises:
        KeyError: the app is unknown.
    """
    return {"app_id": app_id, **recommender.catalogue.app(app_id)}


def apps_body(app_ids: Iterable[str], recommender: ServedRecommender) -> list[Body]:
    """The same of several; of an unknown one, the id alone."""
    bodies = []
    for app_id in app_ids:
        try:
            bodies.append(app_body(app_id, recommender))
        except KeyError:
            bodies.append({"app_id": app_id})
    return bodies


def user_body(record: UserRecord, recommender: ServedRecommender) -> Body:
    """What `/v1/users/{user_id}` answers."""
    return {
        "user_id": record.user_id,
        "profile": record.profile,
        "installed": apps_body(record.installed_app_ids, recommender),
    }
