"""The commands of the pipeline: `run`, `ui` and `evaluate`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from recsys.commands import (
    DEFAULT_WORKSPACE,
    DryRunOption,
    JsonOption,
    WorkspaceOption,
    print_json,
)
from recsys.workspace import Workspace


def run(
    first: Annotated[
        dt.datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day to train a model of."),
    ] = None,
    last: Annotated[
        dt.datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last one; the newest day otherwise."),
    ] = None,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Runs the days that are due, from logs to a bundle that serves."""
    from pipeline.artifacts import DATA_REPORTS, MODEL_REPORTS
    from pipeline.orchestration import display, runner
    from recsys import pushes, quiet

    place = Workspace(workspace)
    due = runner.plan(place, first and first.date(), last and last.date())
    if due and not dry_run:
        quiet.import_tensorflow()
        with display.shown() as watch:
            runner.run(place, due, watch, watch.warn)
    if dry_run:
        typer.echo("\n".join(f"{one.day}  {one.job}" for one in due))
    num_days = len({one.day for one in due})
    ran = "would run" if dry_run else "ran"
    typer.echo(f"{num_days} day{'s'[: num_days > 1]} {ran}." if due else "All days are up to date.")
    typer.echo(pushes.serving(place))
    if due and not dry_run:
        typer.echo(f"{place.reports / DATA_REPORTS} has a page of each day's data,")
        typer.echo(f"{place.reports / MODEL_REPORTS} one of each candidate model.")
    if as_json:
        jobs = [{"day": one.day, "job": one.job} for one in due]
        print_json({"ran": jobs, "dry_run": dry_run, "serving": pushes.current(place)})


def ui(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    port: Annotated[int, typer.Option(help="Port to bind, on loopback.")] = 3000,
) -> None:
    """Opens Dagster's page: the graph, its runs, and what each component made."""
    import os

    from pipeline.orchestration import jobs, webserver
    from pipeline.spans import days_of_logs

    place = Workspace(workspace.resolve())
    days_of_logs(place)
    jobs.write_settings(place)
    os.environ |= {"DAGSTER_HOME": str(place.dagster), "RECSYS_WORKSPACE": str(place.root)}
    typer.echo(f"http://127.0.0.1:{port}/asset-groups - stop it with Ctrl-C")
    webserver.serve(place, port)


def evaluate(
    bundle: Annotated[
        str | None,
        typer.Option(help="Measure this version on the newest day, however old it is."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Prints what the newest model was measured at, and the verdict on it."""
    from rich.console import Console

    from pipeline.artifacts import MODEL_REPORTS
    from pipeline.commands import evaluations

    place = Workspace(workspace)
    span, evaluation = evaluations.of_bundle(place, bundle) if bundle else evaluations.newest(place)
    Console().print(*evaluations.described(span, evaluation), sep="\n")
    if not bundle:
        page = place.reports / MODEL_REPORTS / f"{evaluation['bundle']}.html"
        typer.echo(f"{page} shows all slices, calibration and training.")
    if as_json:
        print_json({"span": span, **evaluation})
