"""Bundles trained as a person would train them, kept by what they were trained with: a preset, and
what a person changes of it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests.steps import step
from recsys import config
from recsys.config import Config
from recsys.workspace import Workspace, staged_folder

_SHARED = ("logs", "schema", "artifacts")


def settings(preset: str, changes: Mapping[str, Any]) -> Config:
    """A preset, changed."""
    return config.parse({**changes, "extends": preset}, f"{preset}, changed")


def trained(
    preset: str, changes: Mapping[str, Any], cache: Path, first: dt.date | None = None
) -> Workspace:
    """A workspace with logs and a bundle of their last day.

    What the preset's own bundle has in common with it is not made twice: the workspace begins as a
    copy of that one.

    Args:
        preset: the synthetic store's size.
        changes: of the preset's configuration.
        cache: where workspaces are kept.
        first: the first day that gets a bundle; the last one of the logs if None.

    Raises:
        GateStopped: a step failed, or a gate refused the bundle.
    """
    wanted = settings(preset, changes)
    root = cache / "experiments" / preset / wanted.digest()[:12]
    if not root.exists():
        before = trained(preset, {}, cache) if changes else None
        _begin(root, wanted, before)
    workspace = Workspace(root)
    if len(workspace.days("requests")) < wanted.world.num_days:
        step(f"Logs of a store, preset {preset}", "data", "generate", workspace=root)
    since = ("--from", first.isoformat()) if first else ()
    step(f"Bundles: {_words(changes)}", "run", *since, workspace=root)
    return workspace


def _begin(root: Path, wanted: Config, before: Workspace | None) -> None:
    with staged_folder(root) as staged:
        (staged / config.FILE_NAME).write_text(config.render(wanted))
        for name in _SHARED if before else ():
            assert before is not None
            shutil.copytree(before.root / name, staged / name, copy_function=os.link)


def _words(changes: Mapping[str, Any]) -> str:
    flat = [f"{part}.{key} = {v}" for part, of in changes.items() for key, v in of.items()]
    return ", ".join(flat) or "as the preset says"
