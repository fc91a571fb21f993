"""Puts a bundle where servers look: a copy that appears whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from recsys import pushes
from recsys.manifest import ENTRY, MANIFEST, BundleError, verified
from recsys.registry.entry import Entry
from recsys.workspace import Workspace, locked, staged_folder, sweep_staged, write_atomically

_LOCK = ".publishing"


@contextlib.contextmanager
def publishing(workspace: Workspace) -> Iterator[None]:
    """While the block runs, nobody else adds or deletes bundles; what killed ones left is gone."""
    with locked(workspace.bundles / _LOCK):
        with pushes.changing(workspace):
            sweep_staged(workspace.bundles)
        yield


def publish(workspace: Workspace, candidate: Path, entry: Entry) -> None:
    """Copies a bundle, with its entry, to where it can be served; one that lies there already and
    is whole gets the entry alone.

    Args:
        workspace: where to.
        candidate: the folder of a bundle.
        entry: what the registry shall know of it.

    Raises:
        BundleError: the candidate is damaged.
    """
    manifest = verified(candidate)
    target = workspace.bundles / manifest["version"]
    workspace.bundles.mkdir(parents=True, exist_ok=True)
    with publishing(workspace):
        if _is_whole(target):
            write_atomically(target / ENTRY, entry.to_json())
            return
        with staged_folder(target) as staged:
            for name in (*manifest["files"], MANIFEST):
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(candidate / name, staged / name)
            (staged / ENTRY).write_bytes(entry.to_json())
            verified(staged)


def _is_whole(folder: Path) -> bool:
    try:
        verified(folder)
    except BundleError:
        return False
    return True
