"""What a warm start saves, what a day without training costs, what each kind of ranker is worth.

A store of some days is trained day after day by `recsys run`, in a workspace that is kept: a
measurement that was stopped goes on where it was.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from loadtests.artifacts import artifact
from loadtests.commands import Part
from loadtests.steps import asked, step, tried
from recsys import config, pushes
from recsys.errors import GateStopped
from recsys.workspace import Workspace, write_atomically

COMMAND = "recsys bench training"

KINDS = ("linear", "deep", "wide_and_deep")
METRICS = ("page_recall", "page_ndcg", "retrieval_recall", "ranking_auc", "ranking_log_loss")

WINDOW_DAYS = 4
MAX_USERS = 10_000
NUM_CHECKPOINTS = 8

_TRAINED = (0, 1)
"""What `recsys run` ends with where a model was trained, blessed or refused."""

_SETTINGS = """extends = "{preset}"

[world]
num_days = {num_days}

[examples]
window_days = {window_days}

[evaluation]
max_users = {max_users}
# Every day's bundle is wanted, also one that the gates would refuse.
min_recall_over_popular = 0
max_recall_drop = 1
max_ndcg_drop = 1
max_retrieval_recall_drop = 1
max_auc_drop = 1
max_log_loss_rise = 100
max_miscalibration = 100
"""


def bench(preset: str, parts: Sequence[Part], cache: Path, num_days: int) -> dict[str, Any]:
    """Runs the parts; returns the figures of each.

    Args:
        preset: the synthetic store's size.
        parts: what to measure.
        cache: where workspaces are kept.
        num_days: days that begin warm; one before them begins cold.

    Raises:
        GateStopped: a step failed, or a day's model was refused.
    """
    workspace = _trained(preset, cache / f"training-{preset}-{num_days}", num_days)
    days = workspace.days("requests")[-num_days - 1 :]
    measured: dict[Part, Callable[[], Any]] = {
        Part.START: lambda: start(workspace, days[1:]),
        Part.STALENESS: lambda: staleness(workspace, days),
        Part.KINDS: lambda: kinds(workspace, days[-1]),
    }
    settings = {"preset": preset, "num_days": num_days, "window_days": WINDOW_DAYS}
    return settings | {part.value: measured[part]() for part in Part if part in parts}


def start(workspace: Workspace, days: Sequence[dt.date]) -> list[dict[str, Any]]:
    """Both models of each day trained cold and warm, and measured on the day meanwhile."""
    return [
        _kept(workspace, f"start-{day}", partial(_curves, workspace, day))
        for day in _shown(days, "training warm and cold")
    ]


def staleness(workspace: Workspace, days: Sequence[dt.date]) -> list[dict[str, Any]]:
    """Each day's bundle, measured on the newest day: what it costs to have stopped training."""
    spans = {
        pushes.manifest(workspace, version)["span"]: version
        for version in pushes.versions(workspace)
    }
    return [
        {
            "days_old": (days[-1] - day).days,
            **_kept(workspace, f"of-{day}", partial(_of_bundle, workspace, spans[day.isoformat()])),
        }
        for day in _shown(days[::-1], "measuring older bundles")
    ]


def kinds(workspace: Workspace, day: dt.date) -> list[dict[str, Any]]:
    """Each kind of ranker, trained cold on the same days beside the same retrieval."""
    found, before = [], workspace
    for kind in KINDS:
        own = Workspace(workspace.root / "bench" / kind)
        found.append(_kept(workspace, f"kind-{kind}", partial(_of_kind, before, own, kind, day)))
        before = own
    return found


def _curves(workspace: Workspace, day: dt.date) -> dict[str, Any]:
    from loadtests import training_curves  # TensorFlow takes seconds to import

    window = training_curves.Day(workspace, day)
    cold = training_curves.curves(window, False, NUM_CHECKPOINTS)
    warm = training_curves.curves(window, True, NUM_CHECKPOINTS)
    return {
        "day": day.isoformat(),
        **{model: {"cold": cold[model].to_json(), "warm": warm[model].to_json()} for model in cold},
    }


def _of_bundle(workspace: Workspace, version: str) -> dict[str, Any]:
    return _metrics(asked("evaluate", "--bundle", version, workspace=workspace.root))


def _of_kind(before: Workspace, own: Workspace, kind: str, day: dt.date) -> dict[str, Any]:
    """Trains and measures a kind in a copy of a workspace, so that what both need isn't made
    twice."""
    if not own.root.exists():
        for folder in (before.logs, before.schema, before.artifacts):
            shutil.copytree(folder, own.root / folder.name, copy_function=os.link)
        settings = (before.root / config.FILE_NAME).read_text().split("\n[training]")[0]
        changes = f'\n[training]\nstart = "cold"\n\n[ranking]\nkind = "{kind}"\n'
        (own.root / config.FILE_NAME).write_text(settings + changes)
    ran = tried("run", "--to", day.isoformat(), workspace=own.root)
    if ran.returncode not in _TRAINED:
        raise GateStopped(f"training a ranker of kind {kind} failed:\n{ran.stderr}")
    evaluation = asked("evaluate", workspace=own.root)
    return {
        "kind": kind,
        "training_seconds": artifact(own, "trainer_ranking", day)[1]["seconds"],
        "blessed": evaluation["verdict"]["blessed"],
        **_metrics(evaluation),
    }


def _trained(preset: str, root: Path, num_days: int) -> Workspace:
    """A workspace with a bundle of each day, each but the first begun as the one before it."""
    workspace = Workspace(root)
    total = WINDOW_DAYS + 1 + num_days
    if not root.exists():
        settings = _SETTINGS.format(
            preset=preset, num_days=total, window_days=WINDOW_DAYS, max_users=MAX_USERS
        )
        write_atomically(root / config.FILE_NAME, settings.encode())
    if len(workspace.days("requests")) < total:
        step(f"{total} days of a store, preset {preset}", "data", "generate", workspace=root)
    first = workspace.days("requests")[WINDOW_DAYS].isoformat()
    step("A bundle a day, each begun as the one before", "run", "--from", first, workspace=root)
    return workspace


def _metrics(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Value and interval of each metric."""
    measured = evaluation["measured"]["metrics"]
    return {name: measured[name]["candidate"] for name in METRICS}


def _kept(workspace: Workspace, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before under that name, else what is measured now."""
    path = workspace.root / "bench" / f"{name}.json"
    if not path.exists():
        write_atomically(path, json.dumps(measure()).encode())
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


def _shown(days: Sequence[dt.date], what: str) -> Iterable[dt.date]:
    return track(days, what, console=Console(stderr=True))
