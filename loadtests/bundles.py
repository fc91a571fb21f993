"""The bundle that a benchmark measures: the one that serves, or an untrained one of any size."""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from recsys import pushes, quiet
from recsys.errors import BadInput
from recsys.workspace import Workspace, digest_of_file, staged_folder

CACHE = Path(".cache")
"""Where benchmarks keep what they made, beside whoever calls them."""

_ROOT = Path(__file__).parents[1]
_ROOMS = ("recsys", "loadtests")
_BUNDLE, _MADE_OF = "bundle", "made_of.json"


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
    """Folder of a bundle of that many apps, gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="recsys-untrained-") as scratch:
        _made_aside(num_apps, 0, Path(scratch))
        yield Path(scratch)


def kept_untrained(num_apps: int, seed: int = 0, cache: Path = CACHE) -> Path:
    """Folder of a bundle of that many apps, which is made once, and anew when the code that made it
    has changed.

    Args:
        num_apps: size of the catalogue.
        seed: of catalogue and weights; another seed makes another bundle.
        cache: where it is kept.
    """
    place = cache / "untrained" / f"{num_apps}-{seed}"
    if not is_fresh(place / _MADE_OF):
        with staged_folder(place) as staged:
            (staged / _BUNDLE).mkdir()
            made_of = _made_aside(num_apps, seed, staged / _BUNDLE)
            (staged / _MADE_OF).write_text(json.dumps(made_of, indent=1))
    return place / _BUNDLE


def _made_aside(num_apps: int, seed: int, out: Path) -> Mapping[str, str]:
    """Makes a bundle in a process of its own, since TensorFlow's memory is none of a server's;
    returns the digests of the modules that made it."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        return process.submit(_make, num_apps, seed, out).result()


def _make(num_apps: int, seed: int, out: Path) -> Mapping[str, str]:
    quiet.import_tensorflow()
    from loadtests.untrained import build

    build(num_apps, out, seed)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    ours = {Path(f).relative_to(_ROOT) for f in files if f and Path(f).is_relative_to(_ROOT)}
    return {
        str(path): digest_of_file(_ROOT / path) for path in sorted(ours) if path.parts[0] in _ROOMS
    }


def is_fresh(made_of: Path) -> bool:
    """Whether the modules that a file names are as they were when it was written."""
    if not made_of.exists():
        return False
    sources: Mapping[str, str] = json.loads(made_of.read_text())
    return all(
        (_ROOT / name).exists() and digest_of_file(_ROOT / name) == digest
        for name, digest in sources.items()
    )
