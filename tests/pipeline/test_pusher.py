from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from daily_logs import make_workspace
from tiny_pipeline import TinyPipeline

from pipeline.artifacts import Blessing, InfraBlessing, ModelBundle, ModelEvaluation
from pipeline.pusher import pusher
from recsys.bundle import Bundle, BundleError
from recsys.errors import BadInput, GateStopped, ModelRefused
from recsys.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "workspace")


@pytest.fixture
def safe(tiny: TinyPipeline, tmp_path: Path) -> InfraBlessing:
    """The bundle is safe to serve."""
    return InfraBlessing(_verdict(tiny, tmp_path / "safe", InfraBlessing), tiny.bundle.record)


def evaluation(tiny: TinyPipeline, folder: Path, *reasons: str) -> ModelEvaluation:
    """Refused for the reasons; blessed where there is none."""
    return ModelEvaluation(_verdict(tiny, folder, ModelEvaluation, *reasons), tiny.bundle.record)


def _verdict(tiny: TinyPipeline, folder: Path, kind: type[Blessing], *reasons: str) -> Path:
    folder.mkdir()
    verdict = {"blessed": not reasons, "reasons": reasons}
    values = {"bundle": tiny.bundle.version, "verdict": verdict}
    (folder / kind.file).write_text(json.dumps(values))
    return folder


def test_a_refused_model_stops_at_the_gate_with_its_reasons(
    tiny: TinyPipeline, safe: InfraBlessing, workspace: Workspace, tmp_path: Path
) -> None:
    refused = evaluation(tiny, tmp_path / "evaluation", "recall is too low", "AUC is too low")
    with pytest.raises(GateStopped, match="recall is too low; AUC is too low") as stop:
        pusher(tiny.bundle, safe, refused, workspace, tmp_path)
    assert tiny.bundle.version in str(stop.value)
    assert stop.value.reasons == ("recall is too low", "AUC is too low")
    assert f"models/{tiny.bundle.version}.html shows all that was measured." in str(stop.value)
    assert "No bundle serves yet." in str(stop.value)
    assert not workspace.bundles.exists()


def test_what_served_before_a_refusal_serves_on(
    tiny: TinyPipeline, safe: InfraBlessing, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.bundles.mkdir()
    workspace.current_bundle.write_text("2024-02-01-before\n")
    refused = evaluation(tiny, tmp_path / "evaluation", "recall is too low")
    with pytest.raises(GateStopped, match="Bundle 2024-02-01-before serves on"):
        pusher(tiny.bundle, safe, refused, workspace, tmp_path)
    assert workspace.current_bundle.read_text() == "2024-02-01-before\n"
    assert [path.name for path in workspace.bundles.iterdir()] == ["CURRENT"]


def test_a_blessed_bundle_is_published_whole_and_named(
    tiny: TinyPipeline, safe: InfraBlessing, workspace: Workspace, tmp_path: Path
) -> None:
    blessed = evaluation(tiny, tmp_path / "evaluation")
    pusher(tiny.bundle, safe, blessed, workspace, tmp_path)
    version = tiny.bundle.version
    assert workspace.current_bundle.read_text().strip() == version
    assert Bundle.load(workspace.bundles / version).version == version
    assert not (workspace.bundles / version / "artifact.json").exists()
    pushed = json.loads((tmp_path / "pushed.json").read_text())
    assert (pushed["version"], pushed["previous"]) == (version, None)
    pusher(tiny.bundle, safe, blessed, workspace, tmp_path)
    assert Bundle.load(workspace.bundles / version).version == version


def test_a_published_bundle_that_was_damaged_is_mended_by_a_push(
    tiny: TinyPipeline, safe: InfraBlessing, workspace: Workspace, tmp_path: Path
) -> None:
    blessed = evaluation(tiny, tmp_path / "evaluation")
    pusher(tiny.bundle, safe, blessed, workspace, tmp_path)
    published = workspace.bundles / tiny.bundle.version
    (published / "index.faiss").write_bytes(b"torn")
    with pytest.raises(BundleError):
        Bundle.load(published)
    pusher(tiny.bundle, safe, blessed, workspace, tmp_path)
    Bundle.load(published)


def test_a_damaged_candidate_is_never_published(
    tiny: TinyPipeline, safe: InfraBlessing, workspace: Workspace, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny.bundle.path, tmp_path / "copy"))
    (copy / "apps.parquet").write_bytes(b"torn")
    damaged = ModelBundle(copy, tiny.bundle.record)
    with pytest.raises(BundleError, match=r"digest of apps.parquet"):
        pusher(damaged, safe, evaluation(tiny, tmp_path / "evaluation"), workspace, tmp_path)
    assert not workspace.bundles.exists()


def test_a_bundle_that_is_good_but_not_safe_to_serve_is_refused(
    tiny: TinyPipeline, workspace: Workspace, tmp_path: Path
) -> None:
    folder = _verdict(tiny, tmp_path / "unsafe", InfraBlessing, "it takes 9,000 MiB")
    unsafe, good = InfraBlessing(folder, tiny.bundle.record), evaluation(tiny, tmp_path / "good")
    with pytest.raises(ModelRefused, match="by the infra_validator: it takes 9,000 MiB") as stop:
        pusher(tiny.bundle, unsafe, good, workspace, tmp_path)
    assert stop.value.reasons == ("it takes 9,000 MiB",)
    assert not workspace.bundles.exists()


def test_a_verdict_on_another_bundle_blesses_nothing(
    tiny: TinyPipeline, safe: InfraBlessing, workspace: Workspace, tmp_path: Path
) -> None:
    good = evaluation(tiny, tmp_path / "good")
    values = json.loads((good.path / good.file).read_text()) | {"bundle": "2024-02-01-before"}
    (good.path / good.file).write_text(json.dumps(values))
    with pytest.raises(BadInput, match=r"evaluator's verdict on bundle .*, found one on"):
        pusher(tiny.bundle, safe, good, workspace, tmp_path)
    assert not workspace.bundles.exists()
