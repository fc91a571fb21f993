"""Which bundle serves, and every change of that: `bundles/CURRENT` and `bundles/history.jsonl`.

A change is recorded first and made second, by one rename: what serves has always been recorded. A
process that was killed between the two leaves a record of what never came to be. It shows, since
what was recorded next followed the same version, and readers leave it out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from recsys.errors import BadInput
from recsys.manifest import MANIFEST, verified
from recsys.workspace import (
    Workspace,
    append_durably,
    finished_lines,
    locked,
    write_atomically,
)

HISTORY = "history.jsonl"
_LOCK = ".lock"
_NOTHING_PUSHED = "no bundle was pushed yet: `recsys run` makes one."
_MOST_NAMED = 8

Kind = Literal["push", "rollback", "activation"]
"""Whether the pipeline pushed, or a person went back, or chose over HTTP."""


@dataclass(frozen=True)
class Push:
    """One change of what serves."""

    version: str
    previous: str | None
    time: str
    why: str
    who: str = ""
    """The account that it was made by."""
    kind: Kind = "push"

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


@contextlib.contextmanager
def changing(workspace: Workspace) -> Iterator[None]:
    """While the block runs, nobody else changes what serves or deletes what can be served.

    Raises:
        BadInput: nothing was ever pushed.
    """
    if not workspace.bundles.is_dir():
        raise BadInput(_NOTHING_PUSHED)
    with locked(workspace.bundles / _LOCK):
        yield


def make_current(workspace: Workspace, version: str, why: str, kind: Kind = "push") -> Push:
    """Names the bundle that serves from now on, and records it; returns the record that stands
    where it serves already.

    Raises:
        BadInput: there is no such bundle.
    """
    with changing(workspace):
        return _change(workspace, version, why, kind)


def _change(workspace: Workspace, version: str, why: str, kind: Kind) -> Push:
    if not (workspace.bundles / version).is_dir():
        raise BadInput(f"expected a bundle {version} in {workspace.bundles}, found none.")
    now, past = current(workspace), history(workspace)
    if past and past[-1].version == version == now:
        return past[-1]
    time = dt.datetime.now(dt.UTC).isoformat("T", "seconds")
    push = Push(version, now, time, why, _account(), kind)
    append_durably(workspace.bundles / HISTORY, push.to_json())
    write_atomically(workspace.current_bundle, f"{version}\n".encode())
    return push


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a user may have no name
        return f"uid {os.getuid()}"


def current(workspace: Workspace) -> str | None:
    """The version that serves now; None before the first push."""
    try:
        return workspace.current_bundle.read_text().strip()
    except FileNotFoundError:
        return None


def versions(workspace: Workspace) -> list[str]:
    """The versions that can be served, in the order in which they were first pushed; last those
    that no push has named yet."""
    folders = (path.parent.name for path in workspace.bundles.glob(f"*/{MANIFEST}"))
    there = sorted(name for name in folders if not name.startswith("."))
    pushed = [push.version for push in history(workspace) if push.version in there]
    return list(dict.fromkeys([*pushed, *there]))


def manifest(workspace: Workspace, version: str | None) -> dict[str, Any]:
    """A version's manifest; that of the one that serves when None.

    Raises:
        BadInput: there is no such version.
    """
    version = known(workspace, version or current(workspace))
    values: dict[str, Any] = json.loads((workspace.bundles / version / MANIFEST).read_text())
    return values


def known(workspace: Workspace, version: str | None) -> str:
    """The version that a person means, who may type the beginning of it alone.

    Raises:
        BadInput: there is none, or there are several.
    """
    there = versions(workspace)
    if not there:
        raise BadInput(_NOTHING_PUSHED)
    was_pushed = any(push.version == version for push in history(workspace))
    return one_of(there, version, ", which is kept no longer" if was_pushed else "")


def one_of(there: Sequence[str], version: str | None, note: str = "") -> str:
    """The one of some versions that a person means; see `known`.

    Args:
        there: the versions that there are.
        version: what the person typed.
        note: what is to be said of it where it is none of them.
    """
    if version in there:
        return str(version)
    matching = [one for one in there if version and one.startswith(version)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        found, choices = f"{version}, as {len(matching)} of them begin", matching
    else:
        found, choices = f"{version or 'none to go back to'}{note}", list(there)
    raise BadInput(
        f"expected the version of a bundle, found {found}: name one of "
        f"{', '.join(choices[-_MOST_NAMED:])}{', or an older one' * (len(choices) > _MOST_NAMED)}."
    )


def earlier(workspace: Workspace) -> str:
    """The version that served before the current one was first pushed; where it was pruned, the one
    before that.

    Raises:
        BadInput: there is none.
    """
    now = current(workspace)
    return known(workspace, _before(workspace, now) if now else None)


def _before(workspace: Workspace, version: str) -> str | None:
    there = versions(workspace)
    first = {push.version: push.previous for push in reversed(history(workspace))}
    seen: set[str | None] = {version}
    before = first.get(version)
    while before is not None and before not in there and before not in seen:
        seen.add(before)
        before = first.get(before)
    return before if before in there and before not in seen else None


def roll_back(workspace: Workspace, version: str | None, why: str) -> Push:
    """Serves an earlier version again; the one that served before the current one when None.

    Raises:
        BadInput: there is no such version, or its files are not what was pushed.
    """
    with changing(workspace):
        return _change(workspace, checked(workspace, version), why, "rollback")


def checked(workspace: Workspace, version: str | None) -> str:
    """The version that `roll_back` would serve, every byte of it checked.

    Raises:
        BadInput: there is no such version, or its files are not what was pushed.
    """
    version = known(workspace, version) if version else earlier(workspace)
    verified(workspace.bundles / version, num_threads=os.cpu_count() or 1)
    return version


def served_before(workspace: Workspace, version: str) -> str | None:
    """What a version is compared with: what served when it was first pushed, else what serves
    now. So a version that was pushed is not compared with itself when the pipeline runs again."""
    was_pushed = any(push.version == version for push in history(workspace))
    return _before(workspace, version) if was_pushed else current(workspace)


def withdrawn(changes: Sequence[Push], version: str) -> Push | None:
    """The rollback by which a person went away from a version, unless it was chosen again since; of
    a whole `history`."""
    for push in reversed(changes):
        if version in (push.version, push.previous):
            is_away = push.version != version and push.kind == "rollback"
            return push if is_away else None
    return None


def history(workspace: Workspace) -> list[Push]:
    """Every change of what serves, the oldest first."""
    lines = finished_lines(workspace.bundles / HISTORY)
    recorded = [Push(**json.loads(line)) for line in lines]
    followed = [push.previous for push in recorded[1:]] + [current(workspace)]
    return [
        push
        for push, next_previous in zip(recorded, followed, strict=False)
        if push.version == push.previous or push.previous != next_previous
    ]


def serving(workspace: Workspace) -> str:
    """A sentence about what serves."""
    version = current(workspace)
    return "No bundle serves yet." if version is None else f"Bundle {version} serves on."
