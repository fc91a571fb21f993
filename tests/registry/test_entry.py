from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from daily_logs import make_workspace
from made_bundles import made

from recsys.bundle import Bundle
from recsys.errors import BadInput
from recsys.manifest import ENTRY, MANIFEST
from recsys.registry import entry
from recsys.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


def test_an_entry_tells_all_of_it_when_the_artifacts_are_gone(workspace: Workspace) -> None:
    first = made(workspace, "2024-03-04")
    first.push(workspace)
    second = made(workspace, "2024-03-05", base=first, auc=0.8, baseline=first.version)
    folder = workspace.bundles / second.push(workspace)
    shutil.rmtree(workspace.artifacts)

    found = entry.load(folder)
    assert (found.version, found.span, found.verdict) == (second.version, "2024-03-05", "blessed")
    assert [(gate.component, gate.blessed, gate.reasons) for gate in found.gates] == [
        ("infra_validator", True, ["it stands all that is asked"]),
        ("evaluator", True, ["it is good enough"]),
    ]
    assert found.reasons == []
    auc = found.metrics["ranking_auc"]
    assert auc.words == "the ranker's AUC"
    assert (auc.found.candidate.value, auc.found.candidate.interval) == (0.8, (0.79, 0.81))
    assert found.baseline == first.version
    assert set(found.parents.values()) == {first.version}
    assert found.made_of.test_days == ["2024-03-05"]
    assert found.made_of.train_days == ["2024-03-02", "2024-03-03", "2024-03-04"]
    assert {"bundle_gen", "infra_validator", "evaluator"} <= set(found.made_of.seconds)
    assert found.code.startswith("0.1.0")
    assert len(found.config_digest) == 64


def test_an_entry_reads_back_as_it_was(workspace: Workspace) -> None:
    folder = workspace.bundles / made(workspace, "2024-03-04").push(workspace)
    found = entry.load(folder)
    (folder / ENTRY).write_bytes(found.to_json())
    assert entry.load(folder) == found
    values = json.loads(json.dumps(found.values()))
    assert (values["verdict"], values["metrics"]["ranking_auc"]["words"]) == (
        "blessed",
        "the ranker's AUC",
    )


def test_an_entry_is_no_part_of_the_content(workspace: Workspace) -> None:
    bundle = made(workspace, "2024-03-04")
    folder = workspace.bundles / bundle.push(workspace)
    (folder / ENTRY).write_text("{}")
    (folder / ".staged-registry.json-left-by-a-killed-push").write_text("{")
    assert Bundle.load(folder).version == bundle.version
    (folder / ENTRY).unlink()
    assert Bundle.load(folder).version == bundle.version


def test_without_an_entry_the_manifest_tells_what_it_knows(workspace: Workspace) -> None:
    folder = workspace.bundles / made(workspace, "2024-03-04").push(workspace)
    (folder / ENTRY).unlink()
    found = entry.load(folder)
    assert (found.version, found.span, found.verdict) == (folder.name, "2024-03-04", "unknown")
    assert (found.gates, found.metrics, found.code) == ((), {}, "")
    assert found.made_of.schema == "version=1"


@pytest.mark.parametrize("torn", ["{", "{}", '{"version": "x", "span": 3}'])
def test_a_damaged_entry_says_what_to_do(workspace: Workspace, torn: str) -> None:
    folder = workspace.bundles / made(workspace, "2024-03-04").push(workspace)
    (folder / ENTRY).write_text(torn)
    with pytest.raises(BadInput, match=r"registry\.json .* delete the file"):
        entry.load(folder)


def test_a_folder_that_is_no_bundle_has_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected a manifest in"):
        entry.load(tmp_path)
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(BadInput, match="expected a manifest in"):
        entry.load(tmp_path)
