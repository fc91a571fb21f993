"""The dashboard shows what the server measures: nothing else, and nothing that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import serving

DASHBOARD = Path(serving.__file__).parent / "grafana.json"
UNITS = {"reqps", "s", "short", "cps", "percentunit"}


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return read


@pytest.fixture(scope="module")
def labels(client: httpx.Client) -> dict[str, set[str]]:
    """Labels of all samples by name."""
    found: dict[str, set[str]] = {}
    client.post("/v1/recommend", json={"user_id": "u003"})
    event = {"event_id": "shown", "user_id": "u003", "app_id": "x", "kind": "click"}
    client.post("/v1/events", json={"events": [event]})
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions(dashboard: dict[str, Any]) -> list[str]:
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*panels, *(one["expr"] for one in dashboard["annotations"]["list"])]


def test_every_metric_that_it_names_is_measured(
    dashboard: dict[str, Any], labels: dict[str, set[str]]
) -> None:
    for expression in expressions(dashboard):
        names = set(re.findall(r"recsys_\w+", expression))
        assert names
        assert names <= labels.keys(), names - labels.keys()


def test_it_groups_by_labels_that_there_are(
    dashboard: dict[str, Any], labels: dict[str, set[str]]
) -> None:
    for expression in expressions(dashboard):
        grouped = {
            label.strip()
            for by in re.findall(r"by \(([^)]*)\)", expression)
            for label in by.split(",")
        }
        known = {"instance"}.union(
            *(labels[name] for name in re.findall(r"recsys_\w+", expression))
        )
        assert grouped <= known, expression


def test_every_metric_of_ours_is_shown(
    dashboard: dict[str, Any], labels: dict[str, set[str]]
) -> None:
    everything = " ".join(expressions(dashboard))
    families = {
        re.sub(r"_(bucket|count|sum|created)$", "", name)
        for name in labels
        if name.startswith("recsys_") and not name.endswith("_created")
    }
    assert not {name for name in families if name not in everything}


def test_panels_stand_side_by_side(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not mine & taken
        taken |= mine
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
