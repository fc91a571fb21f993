from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fake_store import server, wait_for

from data.simulation import planning
from data.simulation.over_http import Agreement, simulate_over_http
from recsys import config
from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.workspace import Workspace
from serving.loading import load_recommender

ONLY_SERVED = "expected bundles and most_popular alone"
FOREVER = dict.fromkeys(("late_ms", "deadline_ms", "max_wait_ms"), 60_000.0)


def place(
    root: Path,
    tiny_workspace: Workspace,
    bundle: Bundle,
    treatment: dict[str, Any],
    **others: dict[str, Any],
) -> Workspace:
    """The tiny pipeline's logs with its bundle serving, in an experiment of equal arms."""
    shutil.copytree(tiny_workspace.logs, root / "logs", copy_function=os.link)
    told = {"control": {"policy": "most_popular"}, "treatment": treatment, **others}
    arms = {name: {"share": 1 / len(told), **arm} for name, arm in told.items()}
    changes = {
        "experiments": {"trial": {"arms": arms, "eligible": {"device": ["phone", "tablet"]}}},
        "serving": FOREVER,
    }
    values = tiny_workspace.config.model_dump(mode="json", by_alias=True) | changes
    (root / "recsys.toml").write_text(config.render(config.parse(values, "test")))
    workspace = Workspace(root)
    shutil.copytree(bundle.path, workspace.bundles / bundle.version)
    workspace.current_bundle.write_text(f"{bundle.version}\n")
    return workspace


def over_http(workspace: Workspace, url: str) -> Agreement:
    plan = planning.planned(workspace, "trial", 2, None, None, False)
    return simulate_over_http(plan, url, lambda found: None)


def test_a_server_deals_the_same_arms_and_answers_with_the_same_pages(
    tmp_path: Path, tiny_workspace: Workspace, tiny_bundle: Bundle
) -> None:
    workspace = place(tmp_path, tiny_workspace, tiny_bundle, {"bundle": tiny_bundle.version})
    with server(workspace, load_recommender) as url:
        wait_for(url)
        found = over_http(workspace, url)
    assert found.first_difference == ""
    assert found.pages > 300
    assert found.pages == found.equal_assignments == found.equal_pages
    assert found.degraded == 0


def test_a_server_with_another_salt_is_found_out(
    tmp_path: Path, tiny_workspace: Workspace, tiny_bundle: Bundle
) -> None:
    workspace = place(tmp_path, tiny_workspace, tiny_bundle, {})
    plan = planning.planned(workspace, "trial", 1, 100, None, False)
    salted = workspace.config_file.read_text().replace(
        "[experiments.trial]", '[experiments.trial]\nsalt = "another"'
    )
    workspace.config_file.write_text(salted)
    with server(Workspace(tmp_path), load_recommender) as url:
        wait_for(url)
        found = simulate_over_http(plan, url, lambda found: None)
    assert found.pages > found.equal_assignments > 0
    assert "trial:" in found.first_difference


@pytest.mark.parametrize(
    ("others", "users", "says"),
    [
        ({"third": {"simulated": {"missing": ["device"]}}}, None, ONLY_SERVED),
        ({"third": {"policy": "random"}}, None, ONLY_SERVED),
        ({"third": {"interleaves": ["control", "treatment"]}}, None, ONLY_SERVED),
        ({}, 500, "500 users are to live before a server that knows 200"),
    ],
)
def test_what_no_server_can_be_is_refused(
    tmp_path: Path,
    tiny_workspace: Workspace,
    tiny_bundle: Bundle,
    others: dict[str, Any],
    users: int | None,
    says: str,
) -> None:
    workspace = place(tmp_path, tiny_workspace, tiny_bundle, {}, **others)
    plan = planning.planned(workspace, "trial", 1, users, None, False)
    with pytest.raises(BadInput, match=says):
        simulate_over_http(plan, "http://127.0.0.1:9", lambda found: None)
