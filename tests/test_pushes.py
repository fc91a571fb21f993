import json
from pathlib import Path

import pytest
from daily_logs import make_workspace

from pipeline.lineage import tree
from recsys import pushes
from recsys.bundle import MANIFEST, BundleError, write_manifest
from recsys.errors import BadInput
from recsys.workspace import Workspace


def push(workspace: Workspace, span: str, word: str) -> str:
    """Pushes a bundle that holds one word."""
    made = workspace.bundles / "made"
    made.mkdir(parents=True)
    (made / "word.txt").write_text(word)
    version = write_manifest(made, span, "brute_force", [])
    made.rename(workspace.bundles / version)
    pushes.make_current(workspace, version, "blessed")
    return version


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


def test_before_the_first_push_nothing_serves(workspace: Workspace) -> None:
    assert pushes.current(workspace) is None
    assert pushes.versions(workspace) == []
    assert pushes.served_before(workspace, "any") is None
    assert pushes.serving(workspace) == "No bundle serves yet."
    for act in (lambda: pushes.manifest(workspace, None), lambda: back(workspace)):
        with pytest.raises(BadInput, match="no bundle was pushed yet"):
            act()


def back(workspace: Workspace, version: str | None = None) -> pushes.Push:
    return pushes.roll_back(workspace, version, "a bad day")


def test_going_back_serves_what_served_before_and_is_recorded(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    assert back(workspace).version == first
    assert pushes.current(workspace) == first
    assert pushes.serving(workspace) == f"Bundle {first} serves on."
    why = [(entry.version, entry.previous, entry.why) for entry in pushes.history(workspace)]
    assert why == [
        (first, None, "blessed"),
        (second, first, "blessed"),
        (first, second, "a bad day"),
    ]
    assert back(workspace, second).version == second


def test_there_is_nothing_before_the_first(workspace: Workspace) -> None:
    only = push(workspace, "2024-03-02", "one")
    with pytest.raises(BadInput, match=f"none to go back to: name one of {only}"):
        back(workspace)


def test_a_damaged_bundle_is_not_gone_back_to(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    (workspace.bundles / first / "word.txt").write_text("One")
    with pytest.raises(BundleError, match=r"the digest of word\.txt"):
        back(workspace)
    assert pushes.current(workspace) == second


def test_a_pushed_version_is_compared_with_what_served_before_it(workspace: Workspace) -> None:
    first, second = push(workspace, "2024-03-02", "one"), push(workspace, "2024-03-03", "two")
    assert pushes.served_before(workspace, first) is None
    assert pushes.served_before(workspace, second) == first
    assert pushes.served_before(workspace, "not pushed yet") == second
    back(workspace)
    assert pushes.served_before(workspace, second) == first


def test_lineage_is_shown_as_a_tree_each_artifact_once(workspace: Workspace) -> None:
    def record(component: str, *inputs: str) -> dict[str, object]:
        read = [{"component": one, "span": "2024-03-02", "digest": "d"} for one in inputs]
        made = {"created": "2024-03-03T01:00:00+00:00", "seconds": 1.5}
        by = {"code_digest": "c0de", "config_digest": ""}
        name = {"component": component, "span": "2024-03-02", "digest": "d", "inputs": read}
        return name | made | by

    version = push(workspace, "2024-03-02", "one")
    manifest = json.loads((workspace.bundles / version / MANIFEST).read_text())
    manifest["lineage"] = [
        record("trainer_ranking", "transform", "trainer_retrieval"),
        record("transform", "example_gen"),
        record("trainer_retrieval", "transform"),
        record("example_gen", "logs/apps", "logs/users"),
    ]
    root = tree(manifest)
    [ranking] = root.children
    transform, retrieval = ranking.children
    [examples] = transform.children
    assert [str(child.label) for child in examples.children] == [
        "logs/apps 2024-03-02, logs/users 2024-03-02"
    ]
    assert [str(child.label) for child in retrieval.children] == ["transform 2024-03-02 d (above)"]
