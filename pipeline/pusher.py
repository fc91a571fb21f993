"""Pusher: puts a blessed bundle where servers look, and names it the current one.

A push is a copy published whole, then one rename of `bundles/CURRENT`; a process killed at any
point leaves the old bundle or the new one serving.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pipeline import code
from pipeline.artifacts import InfraBlessing, ModelBundle, ModelEvaluation
from pipeline.blessings import require
from pipeline.entries import entry
from recsys import pushes
from recsys.errors import ModelRefused
from recsys.registry.publishing import publish
from recsys.registry.retention import prune
from recsys.workspace import Workspace

PUSHED = "pushed.json"


def pusher(
    candidate: ModelBundle,
    infra: InfraBlessing,
    evaluation: ModelEvaluation,
    workspace: Workspace,
    out: Path,
) -> None:
    """Publishes the bundle, deletes those that are kept no longer, and writes `pushed.json`.

    Raises:
        ModelRefused: the bundle isn't blessed as safe to serve, or not as good, or a person went
            back from it; what served before serves on.
    """
    blessings = (infra, evaluation)
    for blessing in blessings:
        require(blessing, candidate, workspace)
    version = candidate.version
    _require_not_withdrawn(workspace, version)
    publish(workspace, candidate.path, entry(workspace, candidate, blessings, code.version()))
    by = " and ".join(f"the {blessing.component}" for blessing in blessings)
    push = pushes.make_current(workspace, version, f"blessed by {by}")
    removed = prune(workspace, workspace.config.bundles).removed
    (out / PUSHED).write_text(json.dumps({**asdict(push), "pruned": removed}, indent=1) + "\n")


def _require_not_withdrawn(workspace: Workspace, version: str) -> None:
    if away := pushes.withdrawn(pushes.history(workspace), version):
        reason = f"{away.who or 'someone'} went back from it on {away.time}: {away.why}"
        raise ModelRefused(
            f"bundle {version} is blessed, but {reason}. {pushes.serving(workspace)} `recsys "
            f"bundles rollback {version}` serves it all the same.",
            [reason],
        )
