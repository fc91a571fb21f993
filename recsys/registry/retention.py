"""Which bundles are kept, and why; the rest goes.

What serves is kept, and all that it goes back on: the bundle that a rollback returns to, and those
that its warm starts began as, so that a day that runs again begins where it began.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recsys import pushes
from recsys.config import Bundles, Config
from recsys.errors import BadInput
from recsys.registry import lineage, servers
from recsys.registry.publishing import publishing
from recsys.workspace import Workspace, discard


@dataclass(frozen=True)
class Retention:
    """What stays and what goes."""

    kept: Mapping[str, str]
    """By version, in the order of their pushes: why."""
    removed: Sequence[str]


def retention(workspace: Workspace, settings: Bundles) -> Retention:
    """What `prune` would do now."""
    pushed = lineage.of_pushed(workspace)
    why = _why_kept(workspace, settings, pushed)
    return Retention(
        kept={version: why[version] for version in pushed if version in why},
        removed=[version for version in pushed if version not in why],
    )


def _why_kept(
    workspace: Workspace, settings: Bundles, pushed: Mapping[str, lineage.Lineage]
) -> dict[str, str]:
    """The first reason for each version that has one."""
    why: dict[str, str] = {}
    live = pushes.current(workspace)
    if live is not None:
        why[live] = "serves"
        with contextlib.suppress(BadInput):  # there is none to go back to
            why.setdefault(pushes.earlier(workspace), "a rollback returns to it")
    for version, who in _named(workspace.config).items():
        why.setdefault(version, f"{who} names it")
    for server in servers.running(workspace):
        for version in server.holds:
            why.setdefault(version, f"the server at {server.url} (pid {server.pid}) holds it")
    if live is not None:
        for version in lineage.ancestors(live, pushed)[: settings.max_ancestors]:
            why.setdefault(version, "an ancestor of what serves")
    for version in list(pushed)[-settings.keep :]:
        why.setdefault(version, f"one of the newest {settings.keep}")
    return why


def _named(config: Config) -> dict[str, str]:
    """Who names a bundle to answer beside the one that serves, or in its shadow."""
    named = {
        arm.bundle: f"experiments.{name}.arms.{arm_name}"
        for name, experiment in config.experiments.items()
        for arm_name, arm in experiment.arms.items()
    }
    named |= {config.serving.canary.bundle: "serving.canary"}
    named |= {config.serving.shadow.bundle: "serving.shadow"}
    return {version: who for version, who in named.items() if version}


def prune(workspace: Workspace, settings: Bundles) -> Retention:
    """Deletes what is kept no longer; each bundle is gone in one step. It waits for a push that is
    at work, and no rollback can choose what is being deleted."""
    if not workspace.bundles.is_dir():
        return Retention({}, [])
    with publishing(workspace), pushes.changing(workspace):
        decided = retention(workspace, settings)
        for version in decided.removed:
            discard(workspace.bundles / version)
    return decided
