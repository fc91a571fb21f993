from __future__ import annotations

from pathlib import Path

import pytest
from daily_logs import make_workspace
from made_bundles import Made, made

from recsys import config, pushes
from recsys.config import Bundles
from recsys.registry.retention import prune, retention
from recsys.registry.servers import Presence
from recsys.workspace import Workspace

DAYS = [f"2024-03-{day:02}" for day in range(4, 12)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, bundles={"keep": 99})


def pushed(workspace: Workspace, *bases: int | None) -> list[str]:
    """The versions of one bundle a day; each begins as the one of that number, or cold."""
    found: list[Made] = []
    for day, base in zip(DAYS, bases, strict=False):
        found.append(made(workspace, day, base=None if base is None else found[base]))
        found[-1].push(workspace)
    return [one.version for one in found]


def kept(workspace: Workspace, keep: int, max_ancestors: int = 99) -> dict[str, str]:
    return dict(retention(workspace, Bundles(keep=keep, max_ancestors=max_ancestors)).kept)


def test_the_newest_are_kept_and_what_a_rollback_returns_to(workspace: Workspace) -> None:
    _, second, third, fourth = pushed(workspace, None, None, None, None)
    assert kept(workspace, keep=1) == {third: "a rollback returns to it", fourth: "serves"}
    assert kept(workspace, keep=3) == {
        second: "one of the newest 3",
        third: "a rollback returns to it",
        fourth: "serves",
    }


def test_what_answers_beside_the_live_one_is_kept(tmp_path: Path) -> None:
    first, second, third, fourth, fifth, sixth = pushed(
        make_workspace(tmp_path, bundles={"keep": 99}), *[None] * 6
    )
    arms = {"control": {"share": 0.5}, "older": {"share": 0.5, "bundle": first}}
    named = {"canary": {"bundle": second, "share": 0.1}, "shadow": {"bundle": third, "share": 1.0}}
    settings = config.load(tmp_path / "recsys.toml").model_dump(mode="json", by_alias=True)
    settings |= {"experiments": {"age": {"arms": arms}}, "serving": settings["serving"] | named}
    text = config.render(config.parse(settings, "a test"))
    (tmp_path / "recsys.toml").write_text(text)
    assert kept(Workspace(tmp_path), keep=1, max_ancestors=0) == {
        first: "experiments.age.arms.older names it",
        second: "serving.canary names it",
        third: "serving.shadow names it",
        fifth: "a rollback returns to it",
        sixth: "serves",
    }
    assert fourth not in kept(Workspace(tmp_path), keep=1)


def test_the_ancestors_of_what_serves_are_kept(workspace: Workspace) -> None:
    first, second, third, fourth, fifth = pushed(workspace, None, 0, None, 1, 3)
    assert kept(workspace, keep=1) == {
        first: "an ancestor of what serves",
        second: "an ancestor of what serves",
        fourth: "a rollback returns to it",
        fifth: "serves",
    }
    assert third not in kept(workspace, keep=1)
    assert set(kept(workspace, keep=1, max_ancestors=2)) == {second, fourth, fifth}
    assert set(kept(workspace, keep=1, max_ancestors=0)) == {fourth, fifth}


def test_after_a_rollback_the_older_one_and_what_is_before_it_are_kept(
    workspace: Workspace,
) -> None:
    first, second, third, fourth, fifth = pushed(workspace, None, None, None, None, None)
    pushes.roll_back(workspace, third, "two bad days")
    assert kept(workspace, keep=1) == {
        second: "a rollback returns to it",
        third: "serves",
        fifth: "one of the newest 1",
    }
    assert retention(workspace, Bundles(keep=1)).removed == [first, fourth]


def test_what_a_running_server_holds_is_kept(workspace: Workspace) -> None:
    first, second, *_ = pushed(workspace, None, None, None, None)
    presence = Presence(workspace, "http://127.0.0.1:8501")
    with presence.shown():
        presence.tell(first, loading=second)
        reasons = kept(workspace, keep=1)
        assert reasons[first].startswith("the server at http://127.0.0.1:8501 (pid ")
        assert {first, second} <= set(reasons)
        assert not prune(workspace, Bundles(keep=1)).removed
    assert prune(workspace, Bundles(keep=1)).removed == [first, second]


def test_a_prune_deletes_the_others_and_nothing_else(workspace: Workspace) -> None:
    first, second, third, fourth = pushed(workspace, None, None, None, None)
    (workspace.bundles / ".staged-left-by-a-killed-push").mkdir()
    done = prune(workspace, Bundles(keep=1))
    assert done.removed == [first, second]
    assert pushes.versions(workspace) == [third, fourth]
    left = {path.name for path in workspace.bundles.iterdir() if not path.name.startswith(".lock")}
    assert left == {third, fourth, "CURRENT", "history.jsonl", ".publishing"}
    assert pushes.earlier(workspace) == third
    assert prune(workspace, Bundles(keep=1)).removed == []


def test_a_push_prunes_as_it_is_configured(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, bundles={"keep": 2, "max_ancestors": 0})
    *_, third, fourth = pushed(workspace, None, 0, 1, 2)
    assert pushes.versions(workspace) == [third, fourth]


def test_a_bundle_that_nobody_named_yet_counts_as_the_newest(workspace: Workspace) -> None:
    first, second, third = pushed(workspace, None, None, None)
    unnamed = workspace.bundles / "2024-03-01-unnamed"
    (workspace.bundles / first).rename(unnamed)
    assert set(kept(workspace, keep=1)) == {second, third, unnamed.name}


def test_nothing_is_pruned_where_nothing_was_pushed(workspace: Workspace) -> None:
    done = prune(workspace, Bundles())
    assert (done.kept, done.removed) == ({}, [])
    assert not workspace.bundles.exists()
