"""A store with bundles that take each other's place while requests come: what benchmarks of swaps
are made of.

There are three, of which two are made in full. A server keeps the bundle before mapped, so that
going back to it takes no load; of three that take turns, each has to be loaded.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loadtests.arrivals import Phase, arrivals
from loadtests.beside import beside
from loadtests.stream import Answer
from recsys import config, pushes
from recsys.bundle import APPS, CATALOGUE
from recsys.catalogue import Catalogue
from recsys.errors import GateStopped
from recsys.manifest import MANIFEST, write_manifest
from recsys.workspace import Workspace

AFTER_SECONDS = 2.0
"""What follows a swap belongs to it: the old bundle's memory is returned."""

_CAPACITY_SECONDS = 4.0
_CAPACITY_CONNECTIONS = 16
_PATIENCE_MS = 30_000.0
_SECONDS_TO_ANSWER = 120.0


@dataclass(frozen=True)
class Swap:
    """One of them; times by `time.perf_counter`."""

    began: float
    """The file named another bundle."""
    answered: float
    """The other bundle's first answer."""

    def is_around(self, time: float) -> bool:
        """Whether it is of this swap, or of what follows at once."""
        return self.began <= time <= self.answered + AFTER_SECONDS


def placed(store: Workspace, folders: Sequence[Path], root: Path) -> Workspace:
    """A workspace over the store's users with some bundles, the first of which serves, and a
    further one: the first with other categories."""
    workspace = beside(store, root, [store.logs])
    settings = store.config
    waits = {"late_ms": _PATIENCE_MS, "deadline_ms": _PATIENCE_MS}
    patient = settings.serving.model_copy(update=waits)
    text = config.render(settings.model_copy(update={"serving": patient}))
    workspace.config_file.write_text(text)
    workspace.bundles.mkdir()
    for folder in [*folders, relabelled(folders[0], root / "relabelled")]:
        version = json.loads((folder / MANIFEST).read_text())["version"]
        (workspace.bundles / version).symlink_to(folder.resolve(), target_is_directory=True)
    first = json.loads((folders[0] / MANIFEST).read_text())["version"]
    pushes.make_current(workspace, first, "a benchmark swaps it")
    return workspace


def relabelled(bundle: Path, out: Path) -> Path:
    """The same bundle, but that its apps' categories are dealt out anew; other files are shared."""
    shutil.copytree(bundle, out, copy_function=_linked)
    for name in (APPS, MANIFEST):
        (out / name).unlink()
    shutil.rmtree(out / CATALOGUE)
    apps = pq.read_table(bundle / APPS)
    dealt = np.random.default_rng(0).permutation(len(apps))
    categories = apps["category"].take(pa.array(dealt))
    place = apps.schema.get_field_index("category")
    changed = apps.set_column(place, apps.schema.field(place), categories)
    pq.write_table(changed, out / APPS)
    Catalogue.save(changed, out / CATALOGUE)
    manifest = json.loads((bundle / MANIFEST).read_text())
    write_manifest(out, manifest["span"], manifest["index"], manifest["lineage"])
    return out


def _linked(file: str, out: str) -> None:
    """On the disk once, where both places are of one disk."""
    try:
        os.link(file, out)
    except OSError:
        shutil.copyfile(file, out)


def versions_in_turn(workspace: Workspace) -> Iterator[str]:
    """The bundles that don't serve, then the one that does, and so on for ever."""
    live = str(pushes.current(workspace))
    others = [path.name for path in sorted(workspace.bundles.glob("*-*")) if path.name != live]
    return itertools.cycle([*others, live])


def bodies_of(url: str, count: int) -> list[bytes]:
    """Requests of the first so many users of a server."""
    ids: list[str] = []
    while len(ids) < count:
        params: dict[str, str | int] = {"limit": 1_000, "after": ids[-1] if ids else ""}
        found = httpx.get(f"{url}/v1/users", params=params).raise_for_status().json()["users"]
        if not found:
            break
        ids += [user["user_id"] for user in found]
    return [json.dumps({"user_id": user_id}).encode() for user_id in ids]


def capacity(url: str, bodies: Sequence[bytes]) -> float:
    """Requests a second when each connection asks as soon as it is answered."""
    answers = arrivals(url, bodies, [Phase(_CAPACITY_SECONDS, None, _CAPACITY_CONNECTIONS)])
    good = answers[(answers["status"] == 200) & (answers["due"] > _CAPACITY_SECONDS / 4)]
    if not len(good):
        raise GateStopped("the server answered none of the requests that should show its capacity.")
    return len(good) / float(good["ended"].max() - good["due"].min())


def swapped(workspace: Workspace, answers: Sequence[Answer], version: str) -> Swap:
    """Names another bundle in the workspace's file, and waits for the server to answer by it.

    Args:
        workspace: the server's.
        answers: those of a stream, as they come.
        version: the other bundle.

    Raises:
        GateStopped: the server does not follow.
    """
    num_before, began = len(answers), time.perf_counter()
    pushes.make_current(workspace, version, "a benchmark swaps bundles")
    while time.perf_counter() - began < _SECONDS_TO_ANSWER:
        new = answers[num_before:]
        num_before += len(new)
        if by_it := [one.ended for one in new if one.page and one.page["bundle"] == version]:
            return Swap(began, min(by_it))
        time.sleep(0.02)
    raise GateStopped(f"no page by {version} within {_SECONDS_TO_ANSWER:g} s.")


def is_around(time: float, swaps: Sequence[Swap]) -> bool:
    """Whether a time is of any swap."""
    return any(swap.is_around(time) for swap in swaps)
