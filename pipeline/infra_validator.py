"""InfraValidator: a bundle in a real server, before anything else loads it.

TFX's "safe to serve" (KDD 2017, section 4.2): it crashes no server, neither on loading nor on a bad
request, and stays within its means. It runs before the Evaluator, which loads the bundle into the
pipeline's own process: what breaks or swells does so first where nobody misses it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.artifacts import REPORT, Examples, InfraBlessing, ModelBundle
from pipeline.infra import checks, probes
from pipeline.infra.checks import Check
from pipeline.infra.probes import Plan
from pipeline.infra.questioning import Behaviour, question
from pipeline.infra.same_scores import compare
from pipeline.infra.server_process import Unfit, server
from pipeline.pages import infra_report
from recsys import config as configuration
from recsys import pushes
from recsys.bundle import Bundle
from recsys.config import Config
from recsys.recommender import Recommender
from recsys.workspace import Workspace

_SCRATCH = "served"
_ALONE = {"host": "127.0.0.1", "user_store": "", "opentelemetry": False, "drain_seconds": 0.0}
"""What a trial changes in how servers run: nobody else may notice it."""
_PATIENT = {"late_ms": 10_000.0, "deadline_ms": 10_000.0}
"""What else: a slow ranker shall show how slow it is, where production would do without it."""


def infra_validator(
    candidate: ModelBundle, test: Sequence[Examples], config: Config, out: Path
) -> None:
    """Writes `blessing.json`: whether the bundle is safe to serve, why, and what was measured; and
    `report.html`, the page of one that isn't.

    Args:
        candidate: the bundle to try.
        test: the days kept out of training, whose requests are asked.
        config: how servers run, and their limits.
        out: the folder to write into.

    Raises:
        BadInput: the days kept out have no requests.
    """
    version, plan = _version(candidate), probes.plan(test, config)
    measured: dict[str, Any] = {}
    try:
        with _scratch(candidate, version, plan, config, out) as workspace, server(workspace) as run:
            behaviour = question(run, plan, config.infra)
        measured = checks.figures(behaviour)
        made = [*checks.of_server(behaviour, config.infra)]
        if all(check.passed for check in made):
            made += _of_scores(candidate, behaviour, plan, config)
    except Unfit as unfit:
        made = [Check(False, str(unfit).replace(f"{out / _SCRATCH}/", ""))]
    failed = [check.sentence for check in made if not check.passed]
    reasons = failed or [check.sentence for check in made]
    verdict = {"blessed": not failed, "reasons": reasons}
    values = {"bundle": version, "verdict": verdict, "measured": measured}
    (out / InfraBlessing.file).write_text(json.dumps(values, indent=1) + "\n")
    if failed:
        page = infra_report.render(candidate.record.span, version, made, measured, config.infra)
        (out / REPORT).write_text(page, encoding="utf-8")


def _version(candidate: ModelBundle) -> str:
    """The bundle's version, or a name where its manifest can't be read: the server shall say so."""
    try:
        return candidate.version
    except (OSError, ValueError, KeyError):
        return f"{candidate.record.span}-unreadable"


@contextlib.contextmanager
def _scratch(
    candidate: ModelBundle, version: str, plan: Plan, config: Config, out: Path
) -> Iterator[Workspace]:
    """A workspace with nothing but the bundle and users, configured as production is, but by
    itself."""
    workspace = Workspace(out / _SCRATCH)
    serving = config.serving.model_copy(update=_ALONE | _PATIENT)
    users = workspace.logs / "users" / f"day={candidate.record.span}" / "part-0.parquet"
    try:
        for folder in (workspace.bundles, users.parent):
            folder.mkdir(parents=True)
        settings = config.model_copy(update={"serving": serving})
        workspace.config_file.write_text(configuration.render(settings))
        pq.write_table(plan.users, users)
        (workspace.bundles / version).symlink_to(candidate.path.resolve(), True)
        pushes.make_current(workspace, version, "tried by the infra_validator")
        yield workspace
    finally:
        shutil.rmtree(workspace.root, ignore_errors=True)


def _of_scores(
    candidate: ModelBundle, behaviour: Behaviour, plan: Plan, config: Config
) -> Iterator[Check]:
    recommender = Recommender(Bundle.load(candidate.path), Bundle.saved_models)
    answers = [answer for answer in behaviour.first_of_each if not answer.problem]
    pages = compare(recommender, answers, plan, config.serving.default_k)
    return checks.of_scores(list(pages))
