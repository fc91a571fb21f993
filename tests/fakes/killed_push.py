"""A push, a rollback and a prune, each killed at every step: a program of its own, since it forks.

    python killed_push.py FOLDER push|rollback|prune

It prints, as JSON, what served after each kill. Whatever is left must serve, and the same once more
must end well.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daily_logs import make_workspace
from fake_store import FakeRecommender
from killed_steps import is_killed_before
from made_bundles import made

from recsys import pushes
from recsys.bundle import Bundle
from recsys.config import Bundles
from recsys.registry.publishing import publishing
from recsys.registry.retention import prune
from recsys.workspace import Workspace
from serving.versions import Versions

SPANS = ("2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04")
KEEP_ONE = Bundles(keep=1, max_ancestors=0)


def killed(
    folder: Path, template: Workspace, do: Callable[[Workspace], Any], whole: Sequence[str]
) -> list[str | None]:
    """What served after each kill of something in a copy of a workspace.

    Args:
        folder: to work in.
        template: the workspace.
        do: what is killed, and done once more after each kill.
        whole: the versions that are there once it has ended.
    """
    served: list[str | None] = []
    before, live = {*pushes.versions(template)}, pushes.current(template)
    num_changes = len(pushes.history(template))
    is_killed = True
    while is_killed:
        shutil.rmtree(folder / "copy", ignore_errors=True)
        shutil.copytree(template.root, folder / "copy")
        workspace = Workspace(folder / "copy")
        is_killed = is_killed_before(len(served) + 1, partial(do, workspace))
        served.append(_serves(workspace))
        assert len(pushes.history(workspace)) == num_changes + (served[-1] != live)
        assert {*pushes.versions(workspace)} <= before | {*whole}
        do(workspace)
        _serves(workspace)
        assert pushes.versions(workspace) == list(whole)
        with publishing(workspace):
            assert not list(workspace.bundles.rglob(".staged-*"))
    return served


def _serves(workspace: Workspace) -> str | None:
    """What serves: it is whole, as all are that could serve, and its history is."""
    for version in pushes.versions(workspace):
        Bundle.load(workspace.bundles / version)
    named = pushes.current(workspace)
    assert named == pushes.history(workspace)[-1].version
    assert pushes.earlier(workspace) in pushes.versions(workspace)
    server = Versions(workspace, lambda path: FakeRecommender(Bundle.load(path).version))
    server.follow()
    assert server.serving is not None
    assert server.serving.version == named
    return named


def main(folder: Path, what: str) -> None:
    template = make_workspace(
        folder / "template", bundles={"keep": KEEP_ONE.keep, "max_ancestors": 0}
    )
    generous = make_workspace(folder / "generous", bundles={"keep": 9})
    candidates = [made(generous, span) for span in SPANS]
    oldest, older, old, new = (one.version for one in candidates)
    for candidate in candidates[:3]:
        candidate.push(generous)
    shutil.copytree(generous.bundles, template.bundles)

    def roll_back(workspace: Workspace) -> None:
        pushes.roll_back(workspace, older, "a bad day")

    do: dict[str, tuple[Callable[[Workspace], Any], list[str]]] = {
        "push": (candidates[3].push, [old, new]),
        "rollback": (roll_back, [oldest, older, old]),
        "prune": (lambda workspace: prune(workspace, KEEP_ONE), [older, old]),
    }
    served = killed(folder, template, *do[what])
    names = {oldest: "oldest", older: "older", old: "old", new: "new", None: None}
    sys.stdout.write(json.dumps([names[one] for one in served]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
