"""Which bundle answers whom, in a real server over fake bundles."""

from __future__ import annotations

import json
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_store import FakeRecommender, eventually, load_fake, publish, server, wait_for

from recsys import config
from recsys.config import Experiment
from recsys.experiments.assignment import arm_of
from recsys.workspace import Workspace
from serving.choice import is_among

ARMS = {"control": {"share": 0.5}, "other": {"share": 0.5, "bundle": "v2"}}
USERS = [f"stranger{number}" for number in range(60)]


def configure(workspace: Workspace, **sections: Any) -> None:
    """Changes the workspace's file, as a person would."""
    settings = config.preset("tiny").model_dump(mode="json", by_alias=True)
    serving = settings["serving"] | sections.pop("serving", {})
    text = config.render(config.parse({**settings, **sections, "serving": serving}, "a test"))
    workspace.config_file.write_text(text)


def arm(name: str, arms: dict[str, Any], user_id: str) -> str | None:
    return arm_of(name, Experiment.model_validate({"arms": arms}), user_id, {}, False)


def page(url: str, user_id: str) -> dict[str, Any]:
    answer = httpx.post(f"{url}/v1/recommend", json={"user_id": user_id, "k": 5})
    body: dict[str, Any] = answer.raise_for_status().json()
    return body


def bundles(url: str) -> dict[str, Any]:
    body: dict[str, Any] = httpx.get(f"{url}/v1/bundles").json()
    return body


def metric(url: str, series: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(series))


def exposures(workspace: Workspace) -> list[tuple[str, dict[str, Any]]]:
    journals = (workspace.serving / "requests").glob("*/*.jsonl")
    rows = [json.loads(line) for path in journals for line in path.read_text().splitlines()]
    return [(row["user_id"], row["exposure"]) for row in rows if "exposure" in row]


def test_each_user_gets_the_bundle_of_the_arm(workspace: Workspace) -> None:
    configure(workspace, experiments={"age": {"arms": ARMS}})
    publish(workspace, "v1")
    publish(workspace, "v2", live=False)
    with server(workspace) as url:
        wait_for(url)
        eventually(lambda: bundles(url)["beside"] == ["v2"])
        pages = {user: page(url, user) for user in USERS}
        assert metric(url, "recsys_exposures_total") == len(USERS)
    version = {"control": "v1", "other": "v2"}
    of_user = {user: arm("age", ARMS, user) for user in USERS}
    assert {*of_user.values()} == {"control", "other"}
    for user, answer in pages.items():
        assert answer["experiment"] == f"age:{of_user[user]}"
        assert answer["bundle"] == version[str(of_user[user])]
    logged = exposures(workspace)
    assert all(exposure.pop("latency_ms") > 0 for _, exposure in logged)
    assert logged == [
        (
            user,
            {
                "experiment": "age",
                "arm": a,
                "bundle": version[str(a)],
                "num_items": len(pages[user]["items"]),
            },
        )
        for user, a in of_user.items()
    ]


def test_an_arm_may_be_of_the_most_popular(workspace: Workspace) -> None:
    arms = {"control": {"share": 0.5}, "plain": {"share": 0.5, "policy": "most_popular"}}
    configure(workspace, experiments={"models": {"arms": arms}})
    publish(workspace, "v1")
    with server(workspace) as url:
        wait_for(url)
        for user in USERS[:10]:
            answer = page(url, user)
            is_plain = arm("models", arms, user) == "plain"
            assert answer["bundle"] == "v1"
            assert answer["degraded"] is None
            assert (answer["items"][0]["score"] is None) == is_plain
            assert (answer["items"][0]["sources"] == ["popular"]) == is_plain
    plain = [exposure for _, exposure in exposures(workspace) if exposure["arm"] == "plain"]
    assert plain
    assert all(exposure["bundle"] is None for exposure in plain)


def test_an_arm_that_interleaves_gets_pages_of_the_live_bundle_and_is_counted(
    workspace: Workspace,
) -> None:
    both = {"share": 0.4, "interleaves": ["control", "other"]}
    arms = {"control": {"share": 0.3}, "other": {"share": 0.3, "bundle": "v2"}, "both": both}
    configure(workspace, experiments={"age": {"arms": arms}})
    publish(workspace, "v1")
    publish(workspace, "v2", live=False)
    with server(workspace) as url:
        wait_for(url)
        eventually(lambda: bundles(url)["beside"] == ["v2"])
        pages = {user: page(url, user) for user in USERS}
        interleaved = [user for user in USERS if arm("age", arms, user) == "both"]
        labels = '{arm="both",experiment="age"}'
        assert metric(url, f"recsys_unserved_arms_total{labels}") == len(interleaved) > 0
    for user in interleaved:
        assert pages[user]["bundle"] == "v1"
        assert pages[user]["experiment"] is None
    assert {user for user, _ in exposures(workspace)} == {*USERS} - {*interleaved}


@pytest.mark.parametrize(
    "broken", [{"bundle": "missing"}, {"bundle": "broken"}, {"policy": "by_feeling"}]
)
def test_who_cannot_be_given_the_arm_is_not_exposed(
    workspace: Workspace, broken: dict[str, str]
) -> None:
    arms = {"control": {"share": 0.5}, "other": {"share": 0.5, **broken}}
    configure(workspace, experiments={"age": {"arms": arms}})
    publish(workspace, "v1")
    publish(workspace, "broken", whole=False, live=False)
    with server(workspace) as url:
        wait_for(url)
        if "bundle" in broken:
            eventually(lambda: len(bundles(url)["lacking"]) == 1)
            [lacking] = bundles(url)["lacking"]
            assert lacking["version"] == broken["bundle"]
            assert "is refused" in lacking["reason"]
        pages = {user: page(url, user) for user in USERS}
        others = [user for user in USERS if arm("age", arms, user) == "other"]
        assert metric(url, "recsys_unserved_arms_total") == len(others)
    for user, answer in pages.items():
        assert answer["bundle"] == "v1"
        assert answer["experiment"] == (None if user in others else "age:control")
    assert {user for user, _ in exposures(workspace)} == {*USERS} - {*others}


def test_a_bundle_that_comes_later_serves_its_arm(workspace: Workspace) -> None:
    configure(workspace, experiments={"age": {"arms": ARMS}})
    publish(workspace, "v1")
    with server(workspace) as url:
        wait_for(url)
        eventually(lambda: len(bundles(url)["lacking"]) == 1)
        publish(workspace, "v2", live=False)
        configure(workspace, experiments={"age": {"arms": ARMS, "horizon_days": 7}})
        eventually(lambda: bundles(url)["beside"] == ["v2"])
        assert bundles(url)["lacking"] == []


def test_the_canary_takes_its_share_of_those_in_no_experiment(workspace: Workspace) -> None:
    configure(workspace, serving={"canary": {"bundle": "v2", "share": 0.3}})
    publish(workspace, "v1")
    publish(workspace, "v2", live=False)
    with server(workspace) as url:
        wait_for(url)
        eventually(lambda: bundles(url)["beside"] == ["v2"])
        pages = {user: page(url, user) for user in USERS}
        configure(
            workspace,
            serving={"canary": {"bundle": "v2", "share": 0.3}},
            experiments={"age": {"arms": {"control": {"share": 0.5}, "same": {"share": 0.5}}}},
        )
        eventually(lambda: page(url, USERS[0])["experiment"] is not None)
        assert {page(url, user)["bundle"] for user in USERS} == {"v1"}
        configure(workspace)
        eventually(lambda: bundles(url)["beside"] == [])
    canary = config.serving.Share(bundle="v2", share=0.3)
    chosen = {user for user, answer in pages.items() if answer["bundle"] == "v2"}
    assert chosen == {user for user in USERS if is_among(canary, "canary", user)}
    assert 5 < len(chosen) < 35
    assert all(answer["experiment"] is None for answer in pages.values())


def test_a_file_that_cannot_be_read_changes_nothing(workspace: Workspace) -> None:
    configure(workspace, experiments={"age": {"arms": ARMS}})
    publish(workspace, "v1")
    publish(workspace, "v2", live=False)
    with server(workspace) as url:
        wait_for(url)
        eventually(lambda: bundles(url)["beside"] == ["v2"])
        workspace.config_file.write_text("experiments = 3")
        publish(workspace, "v3")
        eventually(lambda: bundles(url)["serving"] == "v3")
        assert {page(url, user)["bundle"] for user in USERS} == {"v2", "v3"}


def test_what_an_arm_has_loaded_already_goes_live_at_once(workspace: Workspace) -> None:
    loaded: list[str] = []

    def load(folder: Path) -> Any:
        loaded.append(folder.name)
        return load_fake(folder)

    configure(workspace, experiments={"age": {"arms": ARMS}})
    publish(workspace, "v1")
    publish(workspace, "v2", live=False)
    with server(workspace, load) as url:
        wait_for(url)
        eventually(lambda: bundles(url)["beside"] == ["v2"])
        token = (workspace.serving / "admin_token").read_text()
        headers = {"Authorization": f"Bearer {token}"}
        httpx.post(f"{url}/v1/bundles/v2:activate", headers=headers).raise_for_status()
        assert {page(url, user)["bundle"] for user in USERS} == {"v2"}
    assert loaded == ["v1", "v2"]


def test_an_experiment_that_ended_keeps_no_bundle(workspace: Workspace) -> None:
    loaded: dict[str, weakref.ref[FakeRecommender]] = {}

    def load(folder: Path) -> FakeRecommender:
        recommender = load_fake(folder)
        loaded[folder.name] = weakref.ref(recommender)
        return recommender

    def serves(version: str) -> bool:
        return bool(page(url, "u001")["bundle"] == version)

    arms = {"control": {"share": 0.5}, "plain": {"share": 0.5, "policy": "most_popular"}}
    configure(workspace, experiments={"models": {"arms": arms}})
    publish(workspace, "v1")
    with server(workspace, load) as url:
        wait_for(url)
        assert {page(url, user)["experiment"] for user in USERS} >= {"models:plain"}
        configure(workspace)
        for version in ("v2", "v3"):
            publish(workspace, version)
            eventually(partial(serves, version))
        eventually(lambda: loaded["v1"]() is None)
        assert loaded["v2"]() is not None  # which going back to takes no load
