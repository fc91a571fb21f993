"""The page of an experiment, for someone who decides: the verdict in one sentence, the lift that it
rests on, then what must not be harmed, parts of the users, and what makes it believable."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from recsys.experiments import page_charts, page_tables
from recsys.experiments.metrics import words
from recsys.experiments.report import Report
from recsys.experiments.verdict import Verdict
from recsys.reports import page
from recsys.reports.page import Headline
from recsys.workspace import Workspace, write_atomically


def place(workspace: Workspace, name: str) -> Path:
    """Where a workspace keeps the page of an experiment."""
    return workspace.reports / "experiments" / f"{name}.html"


def publish(report: Report, path: Path, workspace: Workspace) -> None:
    """Writes the page, and beside it the JSON of all that it tells.

    Args:
        report: the experiment.
        path: of the page, which ends in `.html`.
        workspace: whose pages of models are linked to, from a page inside it.
    """
    values = json.dumps(report.values(), indent=1, ensure_ascii=False)
    write_atomically(path.with_suffix(".json"), values.encode() + b"\n")
    write_atomically(path, render(report, links(report, path, workspace)).encode())


def links(report: Report, path: Path, workspace: Workspace) -> dict[str, str]:
    """From the page to the pages of the bundles that it names, by version. A page outside of the
    workspace has none: it would be carried away from what it leads to."""
    if not path.resolve().is_relative_to(workspace.root.resolve()):
        return {}
    models = {
        one.bundle: workspace.reports / "models" / f"{one.bundle}.html"
        for one in report.population.served
        if one.bundle
    }
    return {
        version: Path(os.path.relpath(model.resolve(), path.resolve().parent)).as_posix()
        for version, model in models.items()
        if model.exists()
    }


def render(report: Report, links: Mapping[str, str] | None = None) -> str:
    """The page, as HTML.

    Args:
        report: the experiment.
        links: to the pages of bundles, by version.
    """
    by_day = report.analysis.by_day or {}
    return page.render(
        "experiment.html",
        report=report,
        analysis=report.analysis,
        health=report.analysis.health,
        primary=words(report.declared.primary),
        said=headlines(report),
        has_cuped=any(one.cuped for one in report.analysis.comparisons),
        lifts=page_tables.lifts(report),
        by_day=[(arm, page_charts.lift_by_day(looks)) for arm, looks in by_day.items() if looks],
        guardrails=page_tables.guardrails(report),
        slices=page_tables.slices(report),
        preferences=page_tables.preferences(report),
        metrics=page_tables.metric_rows(report),
        arms=page_tables.arm_rows(report, links or {}),
        users=page_charts.users_by_day(report.population.by_day),
        least_lift=page_charts.least_lift_by_day(report.horizons) if report.horizons else None,
    )


def headlines(report: Report) -> list[Headline]:
    """The verdict on each treatment, in one sentence; one that withholds them all."""
    if report.analysis.health.withheld:
        return [Headline.error(report.analysis.health.withheld)]
    return [_headline(verdict) for verdict in report.analysis.verdicts]


def _headline(verdict: Verdict) -> Headline:
    match verdict.decision:
        case "better":
            return Headline.good(verdict.sentence)
        case "worse" | "harmful":
            return Headline.error(verdict.sentence)
        case "no difference":
            return Headline("warning", "=", verdict.sentence)
        case "keep running":
            return Headline("warning", "…", verdict.sentence)
