"""The bundle that a benchmark measures: the one that serves, or an untrained one of any size."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from recsys import pushes, quiet
from recsys.errors import BadInput
from recsys.workspace import Workspace


def live(workspace: Workspace) -> Path:
    """Folder of the bundle that serves in a workspace.

    Raises:
        BadInput: none does.
    """
    version = pushes.current(workspace)
    if version is None:
        raise BadInput(f"no bundle serves in {workspace.root}: `recsys run` makes one.")
    return workspace.bundles / version


@contextmanager
def untrained(num_apps: int) -> Iterator[Path]:
    """Folder of a bundle of that many apps, gone when the block ends.

    It is made in a process of its own: TensorFlow's memory is none of a server's.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-untrained-") as scratch:
        spawned = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawned) as process:
            process.submit(_build, num_apps, Path(scratch)).result()
        yield Path(scratch)


def _build(num_apps: int, out: Path) -> None:
    quiet.import_tensorflow()
    from loadtests.untrained import build

    build(num_apps, out)
