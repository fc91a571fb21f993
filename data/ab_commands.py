"""`recsys ab simulate` and `recsys ab expected-installs`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.commands import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from data.simulation.running import Plan


def expected_installs(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    users: Annotated[int, typer.Option(min=2, help="Users to ask.")] = 2_000,
    as_json: JsonOption = False,
) -> None:
    """What a page of the serving bundle is worth to users whose truth is known."""
    from dataclasses import asdict

    from rich.console import Console

    from data.report import table
    from data.simulation.expected import expected_installs

    comparison = expected_installs(Workspace(workspace), users)
    Console().print(table(comparison))
    if as_json:
        print_json(asdict(comparison))


def simulate(
    experiment: Annotated[
        str, typer.Argument(help="One that recsys.toml declares; may be left out if it is alone.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 14,
    users: Annotated[
        int,
        typer.Option(
            min=0,
            help="The first so many of the logs' users; of another population of the same store "
            "where the logs have fewer. 0: all of the logs'.",
        ),
    ] = 0,
    first: Annotated[
        dt.datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day; the day after the logs."),
    ] = None,
    common: Annotated[
        bool,
        typer.Option(
            "--common-random-numbers",
            help="Everybody lives in every arm, with the same luck: what there is to find.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Where the tables go; experiments/NAME in the workspace."),
    ] = None,
    processes: Annotated[int, typer.Option(min=0, help="0: one a core.")] = 0,
    over_http: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Ask a running server for the pages, and hold them against those in process.",
        ),
    ] = "",
    force: Annotated[bool, typer.Option(help="Replace a simulation that is there.")] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Lets the synthetic store's users live an experiment; goes on where it was stopped."""
    import os
    import shutil

    from rich.console import Console

    from data.simulation import planning, running, told
    from data.simulation.arms import retrain
    from data.simulation.progress import parts_progress

    place = Workspace(workspace)
    plan = planning.planned(place, experiment, days, users or None, first and first.date(), common)
    if over_http:
        _over_http(plan, over_http, as_json)
        return
    folder = out or planning.folder(plan)
    if force:
        shutil.rmtree(folder, ignore_errors=True)
    num_processes = processes or len(os.sched_getaffinity(0))
    with parts_progress(plan) as part_done:
        totals = running.simulate(plan, folder, num_processes, retrain, part_done)
    figures, lifts = told.by_arm(plan, folder), told.lifts(plan, folder)
    planning.describe(plan, folder, totals)
    Console(highlight=False).print(told.table(figures, lifts))
    typer.echo(
        f"{totals.days} days lived after the {totals.days_before} in {folder}: "
        f"{totals.requests:,} requests in {totals.seconds:.1f} s, "
        f"{totals.requests_per_s:,.0f} requests/s by {num_processes} processes, "
        f"{told.memory(totals)}"
    )
    if as_json:
        print_json(told.as_json(plan, totals, figures, lifts))


def _over_http(plan: Plan, url: str, as_json: bool) -> None:
    """Says how a server's pages compare with those in process.

    Raises:
        GateStopped: an assignment or a page is another.
    """
    from dataclasses import asdict

    from data.simulation.over_http import simulate_over_http
    from data.simulation.progress import pages_progress
    from recsys.errors import GateStopped

    with pages_progress() as page_done:
        found = simulate_over_http(plan, url, page_done)
    typer.echo(
        f"{found.pages:,} pages asked of {url} in {found.seconds:.1f} s: of these, "
        f"{found.equal_assignments:,} for the same arm as in process, {found.equal_pages:,} equal, "
        f"{found.degraded:,} made without the ranker"
    )
    if as_json:
        print_json(asdict(found))
    if found.first_difference:
        raise GateStopped(f"The server is not what is simulated: {found.first_difference}.")
