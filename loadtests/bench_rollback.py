"""A rollback under load: how long the command takes, how long until a running server answers by the
other bundle, and whether any request notices.

Three bundles of one content but for a mark on every title take turns: a page shows by which of them
each of its places was made. A server keeps the bundle before in memory, so going back to that is
measured apart from going back to an older one, which it has to load. It turns no request away, so
what a swap costs shows as latency.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

from loadtests import report
from loadtests.steps import server, tried
from loadtests.stream import Answer, steady
from recsys import config, pushes
from recsys.bundle import APPS, CATALOGUE, MANIFEST
from recsys.catalogue import Catalogue
from recsys.config import Config
from recsys.errors import BadInput, GateStopped
from recsys.manifest import write_manifest
from recsys.workspace import Workspace

COMMAND = "recsys bench rollback"
BAR_SECONDS = 1.0
"""How long the command may take."""

Target = Literal["the one before", "an older one"]
TARGETS: tuple[Target, ...] = ("an older one", "the one before")

_NUM_USERS = 1_000
_MARKS = ("", " [2]", " [3]")
_SETTLE_SECONDS = 1.0
_PATIENCE_MS = 30_000.0
_SECONDS_TO_ANSWER = 120.0


@dataclass(frozen=True)
class Rollback:
    """One of them."""

    target: Target
    version: str
    began: float
    """By `time.perf_counter`."""
    command_seconds: float
    seconds_until_answered: float
    """From the command's start to the first answer by the other bundle."""


def bench(workspace: Workspace, num_rounds: int, requests_per_s: float) -> dict[str, Any]:
    """Measures a copy of a workspace's live bundle; the workspace stays as it is.

    Args:
        workspace: has users and a bundle that serves.
        num_rounds: rollbacks to each kind of target.
        requests_per_s: the rate of the stream.

    Raises:
        BadInput: no bundle serves there.
        GateStopped: a rollback failed, or the server did not follow it.
    """
    if not workspace.current_bundle.exists():
        raise BadInput(f"no bundle serves in {workspace.root}: `recsys run` makes one.")
    with tempfile.TemporaryDirectory(prefix="recsys-rollback-") as scratch:
        copy, marks = _copied(workspace, Path(scratch))
        with server(copy.root) as url:
            bodies = _bodies(url)
            with steady(url, bodies, requests_per_s) as answers:
                rollbacks = list(_rollbacks(copy, answers, num_rounds))
        live = copy.bundles / str(pushes.current(copy))
        size = sum(path.stat().st_size for path in live.rglob("*") if path.is_file())
    return {
        "num_rounds": num_rounds,
        "requests_per_s": requests_per_s,
        "bundle_mib": size / 2**20,
        **figures(rollbacks, answers, marks),
    }


def figures(
    rollbacks: Sequence[Rollback], answers: Sequence[Answer], marks: Mapping[str, str]
) -> dict[str, Any]:
    """What was measured of each kind of target, and what the requests saw.

    Args:
        rollbacks: all of them.
        answers: all of the stream's.
        marks: what each bundle's titles end with.
    """
    problems = Counter(problem for answer in answers if (problem := _problem(answer, marks)))
    return {
        "targets": {
            target: _of_target([one for one in rollbacks if one.target == target], answers)
            for target in TARGETS
        },
        "p99_ms_otherwise": _p99(one for one in answers if not _is_around(one, rollbacks)),
        "num_requests": len(answers),
        "num_failed": problems.total(),
        "problems": dict(problems),
    }


def table(measured: Mapping[str, Any]) -> str:
    """The figures in Markdown."""
    header = ["rollback to", "command, s", "most", "until it answers, s", "most", "p99, ms"]
    rows = [
        [
            target,
            f"{one['command_seconds']['median']:.2f}",
            f"{one['command_seconds']['max']:.2f}",
            f"{one['seconds_until_answered']['median']:.2f}",
            f"{one['seconds_until_answered']['max']:.2f}",
            f"{one['p99_ms_around']:.1f}",
        ]
        for target, one in measured["targets"].items()
    ]
    return (
        f"{report.markdown(header, rows)}\n\n{measured['num_rounds']} rollbacks to each, of a "
        f"bundle of {measured['bundle_mib']:.1f} MiB. Medians; the command from Python's start to "
        "its end; the server's first answer by the other bundle from the command's start. A server "
        f"holds the bundle before in memory, and loads an older one. {measured['num_requests']:,} "
        f"requests, a steady {measured['requests_per_s']:g} a second over loopback: "
        f"{measured['num_failed']} failed or mixed two bundles. p99 is of those due until the "
        f"other bundle answered, {measured['p99_ms_otherwise']:.1f} ms that of all others. The bar "
        f"is a command of {BAR_SECONDS:g} s, and no request that fails."
    )


def _copied(workspace: Workspace, scratch: Path) -> tuple[Workspace, dict[str, str]]:
    """A workspace over the same logs with three bundles, of which the last serves; and what each
    one's titles end with."""
    copy = Workspace(scratch / "workspace")
    copy.bundles.mkdir(parents=True)
    copy.config_file.write_text(config.render(_patient(workspace.config)))
    copy.logs.symlink_to(workspace.logs.resolve(), target_is_directory=True)
    live = workspace.bundles / str(pushes.current(workspace))
    marks = {}
    for mark in _MARKS:
        version = _marked(live, copy.bundles, mark)
        marks[version] = mark
        pushes.make_current(copy, version, "a benchmark goes back and forth")
    return copy, marks


def _patient(settings: Config) -> Config:
    """Configured so that no request is turned away for having waited: its latency tells."""
    waits = {"late_ms": _PATIENCE_MS, "deadline_ms": _PATIENCE_MS}
    return settings.model_copy(update={"serving": settings.serving.model_copy(update=waits)})


def _marked(bundle: Path, bundles: Path, mark: str) -> str:
    """Publishes a bundle whose titles end with a mark; returns its version."""
    made = Path(shutil.copytree(bundle, bundles / "made"))
    apps = pq.read_table(made / APPS)
    titles = pc.binary_join_element_wise(pc.fill_null(apps["title"], ""), pa.scalar(mark), "")
    marked = apps.set_column(apps.schema.get_field_index("title"), "title", titles)
    marked = marked.cast(apps.schema)
    pq.write_table(marked, made / APPS)
    Catalogue.save(marked, made / CATALOGUE)
    manifest = json.loads((made / MANIFEST).read_text())
    version = write_manifest(made, manifest["span"], manifest["index"], manifest["lineage"])
    made.rename(bundles / version)
    return version


def _bodies(url: str) -> list[bytes]:
    found = httpx.get(f"{url}/v1/users", params={"limit": _NUM_USERS}).raise_for_status().json()
    return [json.dumps({"user_id": user["user_id"]}).encode() for user in found["users"]]


def _rollbacks(
    workspace: Workspace, answers: Sequence[Answer], num_rounds: int
) -> Iterator[Rollback]:
    older, before, live = pushes.versions(workspace)
    kinds = [target for target in TARGETS for _ in range(num_rounds)]
    for target in track(kinds, "rollbacks", console=Console(stderr=True)):
        time.sleep(_SETTLE_SECONDS)
        if target == "the one before":
            live, before = before, live
        else:
            live, before, older = older, live, before
        yield _rolled_back(workspace, answers, target, live)
    time.sleep(_SETTLE_SECONDS)


def _rolled_back(
    workspace: Workspace, answers: Sequence[Answer], target: Target, version: str
) -> Rollback:
    """Types the command, and waits for the server to answer by the bundle."""
    num_before, began = len(answers), time.perf_counter()
    done = tried("bundles", "rollback", version, workspace=workspace.root)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise GateStopped(f"`recsys bundles rollback` ended with {done.returncode}: {done.stderr}")
    while time.perf_counter() - began < _SECONDS_TO_ANSWER:
        later = [one.ended for one in list(answers[num_before:]) if _is_by(one, version)]
        if later:
            return Rollback(target, version, began, seconds, min(later) - began)
        time.sleep(0.01)
    raise GateStopped(f"no page by {version} within {_SECONDS_TO_ANSWER:g} s of the rollback.")


def _is_by(answer: Answer, version: str) -> bool:
    return answer.page is not None and answer.page["bundle"] == version


def _problem(answer: Answer, marks: Mapping[str, str]) -> str:
    """How a request failed, or why its page is not wholly by the bundle that it names."""
    if answer.page is None:
        return answer.problem
    expected = marks[answer.page["bundle"]]
    found = {_mark(item["title"] or "") for item in answer.page["items"]}
    if not found:
        return "an empty page"
    return "" if found == {expected} else "a page by two bundles"


def _mark(title: str) -> str:
    return next((mark for mark in _MARKS[1:] if title.endswith(mark)), "")


def _is_around(answer: Answer, rollbacks: Sequence[Rollback]) -> bool:
    return any(
        one.began <= answer.due <= one.began + one.seconds_until_answered for one in rollbacks
    )


def _of_target(rollbacks: Sequence[Rollback], answers: Sequence[Answer]) -> dict[str, Any]:
    seconds = {
        "command_seconds": [one.command_seconds for one in rollbacks],
        "seconds_until_answered": [one.seconds_until_answered for one in rollbacks],
    }
    around = [one for one in answers if _is_around(one, rollbacks)]
    return {
        **{
            name: {"median": float(np.median(values)), "max": max(values)}
            for name, values in seconds.items()
        },
        "num_requests_around": len(around),
        "p99_ms_around": _p99(around),
    }


def _p99(answers: Iterable[Answer]) -> float:
    return float(np.percentile([answer.latency_ms for answer in answers], 99))
