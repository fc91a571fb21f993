from __future__ import annotations

import datetime as dt

import pytest

from recsys import config
from recsys.errors import BadInput
from serving.api import Context, RecommendRequest
from serving.queries import assemble
from serving.user_store import UserRecord

NOW = dt.datetime(2024, 3, 14, tzinfo=dt.UTC)
PRESET = config.preset("tiny")
DECLARED = {
    "battery": config.Feature(table="requests", kind="number", models=("deep",)),
    "plan": config.Feature(table="requests", kind="category", models=("deep",)),
}
SETTINGS = PRESET.model_copy(update={"features": {**PRESET.features, **DECLARED}})


def request(**context: object) -> RecommendRequest:
    return RecommendRequest(user_id="u", context=Context.model_validate(context))


def test_the_context_is_over_the_profile_and_null_is_nothing() -> None:
    record = UserRecord("u", {"country": "BR", "device": None, "language": "pt"}, ("a", "gone"))
    query = assemble(request(country=None, language="en"), record, SETTINGS, NOW)
    assert query.features == {"country": "BR", "device": None, "language": "en"}
    assert query.installed_app_ids == ("a", "gone")


@pytest.mark.parametrize("value", [0, -3.5, 10**30, float("nan")])
def test_a_declared_number_may_be_given(value: float) -> None:
    query = assemble(request(battery=value, plan="gold"), None, SETTINGS, NOW)
    assert query.features["battery"] is value
    assert query.features["plan"] == "gold"


@pytest.mark.parametrize("value", ["full", True, 10**400, -(10**39), 1e39, float("inf")])
def test_what_is_no_number_is_the_askers_mistake(value: object) -> None:
    with pytest.raises(BadInput, match=r"context has battery = .*, expected a number"):
        assemble(request(battery=value), None, SETTINGS, NOW)
