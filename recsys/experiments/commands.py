"""`recsys ab analyze` and `recsys ab plan`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.commands import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json
from recsys.errors import BadInput, GateStopped
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from recsys.experiments.report import Report

_ExperimentArgument = Annotated[str, typer.Argument(help="As [experiments.NAME] in recsys.toml.")]
_UntilOption = Annotated[
    dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day to go by.")
]
_SHOWN = ("comparisons", "guardrails", "verdicts", "preferences", "health", "days")


def analyze(
    experiment: _ExperimentArgument,
    exposures: Annotated[
        Path | None, typer.Option(help="Parquet of who was served which arm; else the workspace's.")
    ] = None,
    outcomes: Annotated[
        Path | None, typer.Option(help="Parquet of what users did by day; else the workspace's.")
    ] = None,
    until: _UntilOption = None,
    html: Annotated[
        Path | None, typer.Option(help="Where to write the page; else among the reports.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Analyses an experiment, simulated or real: a verdict, and a page for who decides."""
    from recsys.experiments import page
    from recsys.experiments.report import report

    home = Workspace(workspace)
    path = html or page.place(home, experiment)
    if path.suffix != ".html":
        raise BadInput(f"--html {path} expected a file that ends in .html: name one.")
    found = report(home, experiment, exposures, outcomes, until and until.date())
    page.publish(found, path, home)
    _show(found)
    typer.echo(f"page: {path}")
    if as_json:
        print_json(_summary(found, path))
    if found.analysis.health.withheld:
        raise GateStopped(found.analysis.health.withheld)


def plan(
    experiment: _ExperimentArgument,
    until: _UntilOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """How many users and days an experiment needs, by what users did so far."""
    from rich.console import Console

    from recsys.experiments import terminal
    from recsys.experiments.metrics import words
    from recsys.experiments.planning import planned

    found = planned(Workspace(workspace), experiment, until and until.date())
    console = Console()
    typer.echo(
        f"{experiment}, decided by {words(found.metric)}, as if it had run from {found.days[0]} to "
        f"{found.days[-1]} with {found.num_days_before} days before it:"
    )
    console.print(terminal.horizons(found))
    typer.echo("\nTo find a lift four times of five, with CUPED:")
    console.print(terminal.plan(found))
    if as_json:
        print_json(found.values())


def _show(found: Report) -> None:
    from rich.console import Console

    from recsys.experiments import terminal

    console = Console()
    console.print(terminal.health(found), highlight=False)
    if found.analysis.health.withheld:
        return
    told = (terminal.lifts, terminal.guardrails, terminal.slices, terminal.preferences)
    for table in (make(found) for make in told):
        if table.row_count:
            console.print()
            console.print(table)
    console.print()
    for sentence in terminal.verdicts(found):
        console.print(sentence, style="bold", markup=False, highlight=False)


def _summary(found: Report, path: Path) -> dict[str, Any]:
    analysis = found.values()["analysis"]
    return {
        "experiment": found.name,
        "withheld": analysis["health"]["withheld"],
        **{name: analysis[name] for name in _SHOWN},
        "page": str(path),
    }
