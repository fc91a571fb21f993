"""Pusher: puts a blessed bundle where servers look, and names it the current one.

A push is a copy published whole, then one rename of `bundles/CURRENT`; a process killed at any
point leaves the old bundle or the new one serving.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.artifacts import InfraBlessing, ModelBundle, ModelEvaluation
from pipeline.blessings import require
from recsys import pushes
from recsys.bundle import MANIFEST, Bundle, BundleError
from recsys.workspace import Workspace, staged_folder

PUSHED = "pushed.json"


def pusher(
    candidate: ModelBundle,
    infra: InfraBlessing,
    evaluation: ModelEvaluation,
    workspace: Workspace,
    out: Path,
) -> None:
    """Publishes the bundle and writes `pushed.json`.

    Raises:
        ModelRefused: the bundle isn't blessed as safe to serve, or not as good; what served before
            serves on.
    """
    for blessing in (infra, evaluation):
        require(blessing, candidate, workspace)
    bundle = Bundle.load(candidate.path)
    target = workspace.bundles / bundle.version
    if not _is_whole(target):
        with staged_folder(target) as staged:
            for name in (*bundle.manifest["files"], MANIFEST):
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(candidate.path / name, staged / name)
    Bundle.load(target)
    push = pushes.make_current(workspace, bundle.version, "blessed by the evaluator")
    (out / PUSHED).write_text(push.to_json())


def _is_whole(folder: Path) -> bool:
    """Whether the bundle is published already, and is still what was published."""
    try:
        Bundle.load(folder)
    except BundleError:
        return False
    return True
