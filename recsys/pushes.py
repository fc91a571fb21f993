"""Which bundle serves, and every change of that: `bundles/CURRENT` and `bundles/history.jsonl`."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import Any

from recsys.bundle import MANIFEST, Bundle
from recsys.errors import BadInput
from recsys.workspace import Workspace, write_atomically

HISTORY = "history.jsonl"


@dataclass(frozen=True)
class Push:
    """One change of what serves."""

    version: str
    previous: str | None
    time: str
    why: str

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self)) + "\n"


def make_current(workspace: Workspace, version: str, why: str) -> Push:
    """Names the bundle that serves from now on, and records it."""
    push = Push(version, current(workspace), dt.datetime.now(dt.UTC).isoformat("T", "seconds"), why)
    write_atomically(workspace.current_bundle, f"{version}\n".encode())
    with (workspace.bundles / HISTORY).open("a") as file:
        file.write(push.to_json())
    return push


def current(workspace: Workspace) -> str | None:
    """The version that serves now; None before the first push."""
    try:
        return workspace.current_bundle.read_text().strip()
    except FileNotFoundError:
        return None


def versions(workspace: Workspace) -> list[str]:
    """The versions that can be served, in the order in which they were first pushed; last those
    that no push has named yet."""
    there = sorted(path.parent.name for path in workspace.bundles.glob(f"*/{MANIFEST}"))
    pushed = [push.version for push in history(workspace) if push.version in there]
    return list(dict.fromkeys([*pushed, *there]))


def manifest(workspace: Workspace, version: str | None) -> dict[str, Any]:
    """A version's manifest; that of the one that serves when None.

    Raises:
        BadInput: there is no such version.
    """
    version = _known(workspace, version or current(workspace))
    values: dict[str, Any] = json.loads((workspace.bundles / version / MANIFEST).read_text())
    return values


def earlier(workspace: Workspace) -> str:
    """The version that served before the current one was first pushed.

    Raises:
        BadInput: there is none.
    """
    pushed = [push.previous for push in history(workspace) if push.version == current(workspace)]
    return _known(workspace, next(iter(pushed), None))


def roll_back(workspace: Workspace, version: str | None, why: str) -> Push:
    """Serves an earlier version again; the one that served before the current one when None.

    Raises:
        BadInput: there is no such version, or its files are not what was pushed.
    """
    return make_current(workspace, checked(workspace, version), why)


def checked(workspace: Workspace, version: str | None) -> str:
    """The version that `roll_back` would serve, every byte of it checked.

    Raises:
        BadInput: there is no such version, or its files are not what was pushed.
    """
    version = _known(workspace, version) if version else earlier(workspace)
    Bundle.load(workspace.bundles / version)
    return version


def _known(workspace: Workspace, version: str | None) -> str:
    known = versions(workspace)
    if not known:
        raise BadInput("no bundle was pushed yet: `recsys run` makes one.")
    if version not in known:
        raise BadInput(
            f"expected the version of a bundle, found {version or 'none to go back to'}: name one "
            f"of {', '.join(known)}."
        )
    return str(version)


def served_before(workspace: Workspace, version: str) -> str | None:
    """What a version is compared with: what served when it was first pushed, else what serves
    now. So a version that was pushed is not compared with itself when the pipeline runs again."""
    first = next((push for push in history(workspace) if push.version == version), None)
    return current(workspace) if first is None else first.previous


def history(workspace: Workspace) -> list[Push]:
    """Every change of what serves, the oldest first."""
    path = workspace.bundles / HISTORY
    lines = path.read_text().splitlines() if path.exists() else []
    return [Push(**json.loads(line)) for line in lines]


def serving(workspace: Workspace) -> str:
    """A sentence about what serves."""
    version = current(workspace)
    return "No bundle serves yet." if version is None else f"Bundle {version} serves on."
