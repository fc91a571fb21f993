"""A store around an untrained bundle: a workspace whose users have apps installed, so that a server
of it finds every user it is asked for.

The users are drawn at random. The server itself brings them into its user store, once: the store is
kept beside them.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

from loadtests import bundles
from loadtests.untrained_apps import SPAN, app_ids
from loadtests.untrained_users import drawn_users
from recsys import pushes
from recsys.manifest import MANIFEST
from recsys.tables import SCHEMAS
from recsys.workspace import Workspace, staged_folder

NUM_APPS, NUM_USERS = 1_000_000, 1_000_000

_CHUNK = 50_000
_DAY = dt.date.fromisoformat(SPAN)


def kept(num_apps: int, num_users: int = NUM_USERS, cache: Path = bundles.CACHE) -> Workspace:
    """The store of that size; what is there already is used again.

    Args:
        num_apps: size of the catalogue; `NUM_INSTALLED` at least.
        num_users: each with `NUM_INSTALLED` apps.
        cache: where bundle and users are kept.
    """
    bundle = bundles.kept_untrained(num_apps, cache=cache)
    workspace = Workspace(cache / "untrained" / f"{num_apps}-{num_users}-users")
    if not workspace.config_file.exists():
        with staged_folder(workspace.root) as staged:
            _write(Workspace(staged), num_apps, num_users)
    _serve(workspace, bundle)
    return workspace


def _serve(workspace: Workspace, bundle: Path) -> None:
    """Makes a bundle the one that serves, and the only one."""
    version = json.loads((bundle / MANIFEST).read_text())["version"]
    for other in workspace.bundles.iterdir():
        if other.is_symlink():
            other.unlink()
    (workspace.bundles / version).symlink_to(bundle.resolve(), target_is_directory=True)
    pushes.make_current(workspace, version, "a benchmark measures it")


def _write(workspace: Workspace, num_apps: int, num_users: int) -> None:
    workspace.bundles.mkdir()
    (workspace.serving / "users").mkdir(parents=True)
    workspace.config_file.write_text('extends = "playstore"\n')
    file = workspace.day("users", _DAY) / "part-0.parquet"
    file.parent.mkdir(parents=True)
    random = np.random.default_rng(num_users)
    apps = pa.array(app_ids(num_apps))
    starts = range(0, num_users, _CHUNK)
    with pq.ParquetWriter(file, SCHEMAS["users"], compression="zstd") as writer:
        for start in track(starts, "users", console=Console(stderr=True)):
            count = min(_CHUNK, num_users - start)
            writer.write_table(drawn_users(random, start, count, apps))
