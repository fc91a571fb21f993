"""Pusher: puts a blessed bundle where servers look, and names it the current one.

A push is a copy published whole, then one rename of `bundles/CURRENT`; a process killed at any
point leaves the old bundle or the new one serving.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.artifacts import ModelBundle, ModelEvaluation
from pipeline.evaluator import EVALUATION
from recsys.bundle import MANIFEST, Bundle
from recsys.errors import GateStopped
from recsys.workspace import Workspace, staged_folder, write_atomically

SECTIONS = ("evaluation",)
PUSHED = "pushed.json"
HISTORY = "history.jsonl"


@dataclass(frozen=True)
class Push:
    """One change of what serves."""

    version: str
    previous: str | None
    time: str
    why: str


def pusher(
    candidate: ModelBundle, evaluation: ModelEvaluation, workspace: Workspace, out: Path
) -> None:
    """Publishes the bundle and writes `pushed.json`.

    Raises:
        GateStopped: the evaluation did not bless it; what served before serves on.
    """
    verdict = json.loads((evaluation.path / EVALUATION).read_text())["verdict"]
    bundle = Bundle.load(candidate.path)
    if not verdict["blessed"]:
        reasons = "; ".join(verdict["reasons"])
        raise GateStopped(f"bundle {bundle.version} was refused: {reasons}. {serving(workspace)}")
    target = workspace.bundles / bundle.version
    if not target.exists():
        with staged_folder(target) as staged:
            for name in (*bundle.manifest["files"], MANIFEST):
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(candidate.path / name, staged / name)
    Bundle.load(target)
    push = make_current(workspace, bundle.version, "blessed by the evaluator")
    (out / PUSHED).write_text(json.dumps(push.__dict__) + "\n")


def make_current(workspace: Workspace, version: str, why: str) -> Push:
    """Names the bundle that serves from now on, and records it."""
    push = Push(version, current(workspace), dt.datetime.now(dt.UTC).isoformat("T", "seconds"), why)
    write_atomically(workspace.current_bundle, f"{version}\n".encode())
    with (workspace.bundles / HISTORY).open("a") as history:
        history.write(json.dumps(push.__dict__) + "\n")
    return push


def current(workspace: Workspace) -> str | None:
    """The version that serves now; None before the first push."""
    try:
        return workspace.current_bundle.read_text().strip()
    except FileNotFoundError:
        return None


def history(workspace: Workspace) -> list[Push]:
    """Every change of what serves, the oldest first."""
    path = workspace.bundles / HISTORY
    lines = path.read_text().splitlines() if path.exists() else []
    return [Push(**json.loads(line)) for line in lines]


def serving(workspace: Workspace) -> str:
    """A sentence about what serves."""
    version = current(workspace)
    return "No bundle serves yet." if version is None else f"Bundle {version} serves on."
