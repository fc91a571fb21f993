"""A workspace beside another: what it has is there, what a server writes is its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from recsys.workspace import Workspace


def beside(workspace: Workspace, root: Path, shared: Iterable[Path]) -> Workspace:
    """A new workspace with the same configuration.

    Args:
        workspace: the one there is; it stays as it is, but for what is shared.
        root: where the new one goes.
        shared: folders of the old one that are the new one's too.
    """
    new = Workspace(root)
    root.mkdir(parents=True)
    shutil.copyfile(workspace.config_file, new.config_file)
    for folder in shared:
        place = root / folder.relative_to(workspace.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder.resolve(), target_is_directory=True)
    return new
