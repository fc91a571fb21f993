"""All bundles that there are: those that can be served, and candidates that never were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import entries
from recsys import pushes
from recsys.errors import BadInput
from recsys.manifest import ENTRY
from recsys.pushes import Push
from recsys.registry import entry as registry
from recsys.registry.entry import Entry
from recsys.workspace import Workspace

State = Literal["serves", "pushed", "rolled back", "damaged", "candidate"]


@dataclass(frozen=True)
class Registered:
    """One bundle, and what became of it."""

    folder: Path
    entry: Entry
    state: State
    pushes: tuple[Push, ...] = ()
    """When it began to serve, each time, and the rollback by which people went away from it."""

    @property
    def version(self) -> str:
        """Its version."""
        return self.entry.version

    def values(self) -> dict[str, Any]:
        """All of it as JSON values."""
        became = [vars(push) for push in self.pushes]
        size = {"folder": str(self.folder), "num_bytes": num_bytes(self.folder)}
        return {"state": self.state, "pushes": became, **size, **self.entry.values()}


def registered(workspace: Workspace) -> list[Registered]:
    """All bundles, in the order of their days; within a day, what was pushed first."""
    there, changes = pushes.versions(workspace), pushes.history(workspace)
    pushed = {*there, *(push.version for push in changes)}
    told = {version for version in pushed if (workspace.bundles / version / ENTRY).exists()}
    made = entries.made(workspace, told)
    untold = {entry.version: entry for entry in made.values()}
    candidates = [
        Registered(folder, entry, "candidate")
        for folder, entry in made.items()
        if entry.version not in pushed
    ]
    found = [_pushed(workspace, version, untold.get(version), changes) for version in there]
    return sorted([*found, *candidates], key=lambda one: one.entry.span)


def find(known: Mapping[str, Registered], version: str) -> Registered:
    """The bundle that a person means, who may type the beginning of its version alone.

    Raises:
        BadInput: there is none, or there are several.
    """
    if not known:
        raise BadInput("no bundle was made yet: `recsys run` makes one.")
    return known[pushes.one_of(list(known), version)]


def num_bytes(folder: Path) -> int:
    """The size of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _pushed(
    workspace: Workspace, version: str, entry: Entry | None, changes: Sequence[Push]
) -> Registered:
    folder = workspace.bundles / version
    try:
        entry = entry or registry.load(folder)
    except BadInput:
        return Registered(folder, Entry(version, "", "", []), "damaged")
    away = pushes.withdrawn(changes, version)
    named = [push for push in changes if push.version == version]
    if version == pushes.current(workspace):
        state: State = "serves"
    else:
        state = "rolled back" if away else "pushed"
    return Registered(folder, entry, state, (*named, *([away] if away else [])))
