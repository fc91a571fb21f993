"""Which bundle an arm has on a day: the one that it began with, one of some age, or one that was
trained last night on what its own users did."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from data.simulation.fronts import POLICIES, Source
from recsys import config as configuration
from recsys import pushes
from recsys.config import Arm, Config, Experiment
from recsys.errors import BadInput, GateStopped
from recsys.features import spec
from recsys.workspace import Workspace, staged_folder

Retrain = Callable[[Workspace, dt.date], None]
"""Brings a workspace up to date with its logs up to a day; what serves in it may change."""

_DAY = dt.timedelta(days=1)
_REFUSED = 1
_LINKED = ("logs", "schema", "artifacts")


class Arms:
    """The arms of an experiment, as they get their bundles.

    Args:
        workspace: what bundles there are.
        experiment: whose arms.
        serving: version of the bundle that arms begin with which name none; None if none serves.
        own: workspaces of the arms that train on what their own users did.
    """

    def __init__(
        self,
        workspace: Workspace,
        experiment: Experiment,
        serving: str | None,
        own: Mapping[str, Workspace],
    ) -> None:
        self._workspace, self._arms, self._serving = workspace, experiment.arms, serving
        self._own = own

    def sources(self, day: dt.date) -> dict[str, Source]:
        """What each arm's pages are made by on a day.

        Raises:
            BadInput: an arm names a policy, a column or a bundle that isn't there.
        """
        made = {
            name: self._source(name, arm, day)
            for name, arm in self._arms.items()
            if not arm.interleaves
        }
        return {
            name: made.get(name)
            or Source(None, teams=tuple(map(made.__getitem__, arm.interleaves)))
            for name, arm in self._arms.items()
        }

    def _source(self, name: str, arm: Arm, day: dt.date) -> Source:
        if arm.policy and arm.policy not in POLICIES:
            raise BadInput(
                f"arm {name!r} has policy = {arm.policy!r}, expected one of {', '.join(POLICIES)}."
            )
        known = spec.columns(spec.of_query(self._workspace.config.features))
        if strange := set(arm.simulated.missing) - set(known):
            raise BadInput(
                f"arm {name!r} is to miss {', '.join(sorted(strange))}, expected columns of "
                f"the query's features: {', '.join(known)}."
            )
        if arm.policy in ("logging", "random"):
            return Source(None, arm.policy)
        return Source(self._bundle(name, arm, day), arm.policy, arm.simulated.missing)

    def _bundle(self, name: str, arm: Arm, day: dt.date) -> Path:
        place, version = self._workspace, arm.bundle or self._serving
        if arm.simulated.days_stale is not None:
            version = _newest(place, day - (1 + arm.simulated.days_stale) * _DAY)
        elif name in self._own:
            place = self._own[name]
            version = pushes.current(place)
        if version is None:
            raise BadInput(
                f"arm {name!r} needs a bundle of {place.bundles}, found none that is of its age: "
                "`recsys run` makes one of the newest day, `recsys run --from DAY` of each since."
            )
        return place.bundles / pushes.known(place, version)


def _newest(workspace: Workspace, last: dt.date) -> str | None:
    """The bundle made of the newest logs up to a day."""
    spans = {
        version: dt.date.fromisoformat(pushes.manifest(workspace, version)["span"])
        for version in pushes.versions(workspace)
    }
    old_enough = [version for version, span in spans.items() if span <= last]
    return max(old_enough, key=spans.__getitem__, default=None)


def own_workspace(workspace: Workspace, root: Path, volume: float) -> Workspace:
    """A workspace that an arm's days are added to: what is there already, linked and not copied.

    Args:
        workspace: the one it begins as.
        root: its folder; what is there is kept.
        volume: users of the arm over those of the logs so far, for checks of a day's volume.
    """
    if not root.exists():
        with staged_folder(root) as staged:
            for name in _LINKED:
                if (workspace.root / name).exists():
                    shutil.copytree(workspace.root / name, staged / name, copy_function=os.link)
            # Bundles never change, what names the live one does.
            shutil.copytree(workspace.bundles, staged / workspace.bundles.name)
            settings = configuration.render(_of_volume(workspace.config, volume))
            (staged / configuration.FILE_NAME).write_text(settings)
    return Workspace(root)


def _of_volume(config: Config, volume: float) -> Config:
    """With as many times the users in the logs, either way, from one day to the next."""
    checks, fewer, more = config.validation, min(1.0, volume), max(1.0, volume)
    changes = {
        "min_examples_share": checks.min_examples_share * fewer,
        "min_volume_ratio": checks.min_volume_ratio * fewer,
        "max_volume_ratio": checks.max_volume_ratio * more,
    }
    return config.model_copy(update={"validation": checks.model_copy(update=changes)})


def retrain(workspace: Workspace, day: dt.date) -> None:
    """`recsys run` up to a day, as a person would; a model that was refused changes nothing.

    An arm shows other apps than the logs did, so its first day drifts and the gate asks a person.
    Here the answer is known: it was done on purpose.

    Raises:
        GateStopped: it failed; its log says why.
    """
    run = ("run", "--to", day.isoformat())
    if _called(workspace, *run) == _REFUSED and not _called(
        workspace, "schema", "approve", "--all", "--why", "the arm's pages are its own"
    ):
        _called(workspace, *run)


def _called(workspace: Workspace, *command: str) -> int:
    """Runs a command of `recsys`; its exit code, where it did what it can."""
    log = workspace.root / "run.log"
    whole = [sys.executable, "-m", "recsys", *command, "--workspace", str(workspace.root)]
    with log.open("ab") as said:
        code = subprocess.run(whole, stdout=said, stderr=said, check=False).returncode
    if command[0] == "run" and code not in (0, _REFUSED):
        raise GateStopped(f"`recsys {' '.join(command)}` ended with {code}: {log} says why.")
    return code
