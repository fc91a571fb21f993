from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from daily_logs import make_workspace
from tiny_pipeline import TinyPipeline

from pipeline.artifacts import ModelBundle, ModelEvaluation
from pipeline.pusher import pusher
from recsys.bundle import Bundle, BundleError
from recsys.errors import GateStopped
from recsys.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "workspace")


def evaluation(tiny: TinyPipeline, folder: Path, *reasons: str) -> ModelEvaluation:
    """Refused for the reasons; blessed where there is none."""
    folder.mkdir()
    verdict = {"blessed": not reasons, "reasons": reasons}
    (folder / "evaluation.json").write_text(json.dumps({"verdict": verdict}))
    return ModelEvaluation(folder, tiny.bundle.record)


def test_a_refused_model_stops_at_the_gate_with_its_reasons(
    tiny: TinyPipeline, workspace: Workspace, tmp_path: Path
) -> None:
    refused = evaluation(tiny, tmp_path / "evaluation", "recall is too low", "AUC is too low")
    with pytest.raises(GateStopped, match="recall is too low; AUC is too low") as stop:
        pusher(tiny.bundle, refused, workspace, tmp_path)
    assert tiny.bundle.version in str(stop.value)
    assert stop.value.reasons == ("recall is too low", "AUC is too low")
    assert "No bundle serves yet." in str(stop.value)
    assert not workspace.bundles.exists()


def test_what_served_before_a_refusal_serves_on(
    tiny: TinyPipeline, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.bundles.mkdir()
    workspace.current_bundle.write_text("2024-02-01-before\n")
    refused = evaluation(tiny, tmp_path / "evaluation", "recall is too low")
    with pytest.raises(GateStopped, match="Bundle 2024-02-01-before serves on"):
        pusher(tiny.bundle, refused, workspace, tmp_path)
    assert workspace.current_bundle.read_text() == "2024-02-01-before\n"
    assert [path.name for path in workspace.bundles.iterdir()] == ["CURRENT"]


def test_a_blessed_bundle_is_published_whole_and_named(
    tiny: TinyPipeline, workspace: Workspace, tmp_path: Path
) -> None:
    blessed = evaluation(tiny, tmp_path / "evaluation")
    pusher(tiny.bundle, blessed, workspace, tmp_path)
    version = tiny.bundle.version
    assert workspace.current_bundle.read_text().strip() == version
    assert Bundle.load(workspace.bundles / version).version == version
    assert not (workspace.bundles / version / "artifact.json").exists()
    pushed = json.loads((tmp_path / "pushed.json").read_text())
    assert (pushed["version"], pushed["previous"]) == (version, None)
    pusher(tiny.bundle, blessed, workspace, tmp_path)
    assert Bundle.load(workspace.bundles / version).version == version


def test_a_published_bundle_that_was_damaged_is_mended_by_a_push(
    tiny: TinyPipeline, workspace: Workspace, tmp_path: Path
) -> None:
    blessed = evaluation(tiny, tmp_path / "evaluation")
    pusher(tiny.bundle, blessed, workspace, tmp_path)
    published = workspace.bundles / tiny.bundle.version
    (published / "index.faiss").write_bytes(b"torn")
    with pytest.raises(BundleError):
        Bundle.load(published)
    pusher(tiny.bundle, blessed, workspace, tmp_path)
    Bundle.load(published)


def test_a_damaged_candidate_is_never_published(
    tiny: TinyPipeline, workspace: Workspace, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny.bundle.path, tmp_path / "copy"))
    (copy / "apps.parquet").write_bytes(b"torn")
    damaged = ModelBundle(copy, tiny.bundle.record)
    with pytest.raises(BundleError, match=r"digest of apps.parquet"):
        pusher(damaged, evaluation(tiny, tmp_path / "evaluation"), workspace, tmp_path)
    assert not workspace.bundles.exists()
