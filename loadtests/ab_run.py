"""The experiments that ship, one command each: from nothing to a verdict.

Bundles are trained by the pipeline on the logs of a synthetic store, users of that store live the
experiment, and what they left is analysed as the log of a real one would be. As nobody could with
real users, some thousands of them then live in all arms at once, with the same luck: that tells
what there was to find.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from loadtests.shipped import Shipped, shipped
from loadtests.steps import asked
from loadtests.trained import settings, trained
from recsys import config, pushes
from recsys.workspace import Workspace

COMMAND = "recsys ab run"

COMMON_USERS = 20_000
"""Users who live in all arms at once, at most."""

_DAY = dt.timedelta(days=1)


def run(name: str, preset: str, num_users: int, cache: Path) -> dict[str, Any]:
    """Trains what an experiment needs, lets it be lived, and analyses it.

    Args:
        name: the experiment's.
        preset: the synthetic store's size.
        num_users: in all arms together; 0 for as many as the experiment says.
        cache: where workspaces are kept.

    Raises:
        BadInput: no such experiment ships.
        GateStopped: a step failed.
    """
    one = shipped(name)
    began = time.monotonic()
    place, first = _prepared(name, one, preset, cache)
    trained_after = time.monotonic() - began
    users = num_users or one.num_users
    lived = ["ab", "simulate", name, "--days", f"{one.num_days}", "--from", first.isoformat()]
    typer.secho(f"\n{users:,} users live {name} for {one.num_days} days", bold=True)
    simulation = asked(*lived, "--users", f"{users}", "--force", workspace=place.root)
    analysis = asked("ab", "analyze", name, workspace=place.root)
    seconds = time.monotonic() - began - trained_after
    common = min(users, COMMON_USERS)
    typer.secho(f"\n{common:,} of them live in all arms at once", bold=True)
    in_all = ["--users", f"{common}", "--common-random-numbers", "--force"]
    truth = asked(*lived, *in_all, workspace=place.root)
    return {
        "question": one.question,
        "preset": preset,
        "num_users": users,
        "num_days": one.num_days,
        "training_seconds": trained_after,
        "seconds": seconds,
        "requests_per_s": simulation["requests_per_s"],
        "peak_mib_by_day": simulation["peak_mib_by_day"],
        "num_users_in_all_arms": common,
        "arms": list(_arms(one, analysis, truth)),
        "preferences": analysis["preferences"],
        "withheld": analysis["withheld"],
        "page": analysis["page"],
    }


def _arms(
    one: Shipped, analysis: Mapping[str, Any], truth: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """What is found of each treatment's primary metric, and what there was to find."""
    primary = one.experiment.primary
    found = {row["arm"]: row for row in analysis["comparisons"] if row["metric"] == primary}
    verdicts = {verdict["arm"]: verdict for verdict in analysis["verdicts"]}
    for arm in one.experiment.treatments if found else ():
        yield {
            "arm": arm,
            "control": one.experiment.control,
            "metric": primary,
            **{way: _lift(found[arm][way]) for way in ("raw", "cuped")},
            "there_was": _lift(truth["paired"][arm]),
            "decision": verdicts[arm]["decision"],
            "verdict": verdicts[arm]["sentence"],
        }


def _lift(estimate: Mapping[str, Any] | None) -> dict[str, Any] | None:
    names = ("lift", "lift_interval", "p_value")
    return {name: estimate[name] for name in names} if estimate else None


def _prepared(name: str, one: Shipped, preset: str, cache: Path) -> tuple[Workspace, dt.date]:
    """A workspace that declares the experiment, with the bundles of its arms; and its first day."""
    stale = _most_stale(one)
    usual = settings(preset, {}).world
    first = usual.first_day + usual.num_days * _DAY
    longer = {"world": {"num_days": usual.num_days + one.num_days - 1}} if stale is not None else {}
    oldest = first - (1 + stale) * _DAY if stale is not None else None
    made = {
        label: trained(preset, {**longer, **changes}, cache, oldest)
        for label, changes in one.bundles.items()
    }
    place = Workspace(cache / "experiments" / preset / f"run-{name}")
    shutil.rmtree(place.root, ignore_errors=True)
    place.root.mkdir(parents=True)
    logs = next(iter(made.values())).logs
    shutil.copytree(logs, place.logs, copy_function=os.link)
    for workspace in made.values():
        _bring_bundles(workspace, place)
    versions = {label: pushes.current(workspace) or "" for label, workspace in made.items()}
    pushes.make_current(place, next(iter(versions.values())), f"serves in {name}")
    text = declared(name, one, preset, longer, versions)
    place.config_file.write_text(text)
    return Workspace(place.root), first


def _most_stale(one: Shipped) -> int | None:
    """How many days the bundles of its arms are stale at most; None where no arm says so."""
    told = (arm.simulated.days_stale for arm in one.experiment.arms.values())
    return max((days for days in told if days is not None), default=None)


def _bring_bundles(made: Workspace, place: Workspace) -> None:
    place.bundles.mkdir(exist_ok=True)
    for version in pushes.versions(made):
        if not (place.bundles / version).exists():
            folder = made.bundles / version
            shutil.copytree(folder, place.bundles / version, copy_function=os.link)


def declared(
    name: str, one: Shipped, preset: str, longer: Mapping[str, Any], versions: Mapping[str, str]
) -> str:
    """The configuration that declares it, each arm with its bundle's version."""
    arms = {
        arm: told.model_copy(update={"bundle": versions.get(told.bundle, "")})
        for arm, told in one.experiment.arms.items()
    }
    changes = {"arms": arms, "horizon_days": one.num_days}
    experiment = one.experiment.model_copy(update=changes)
    whole = settings(preset, longer).model_copy(update={"experiments": {name: experiment}})
    return config.render(whole)
