"""The commands of the pipeline: `run`, `ui`, `evaluate`, `schema` and `bundles`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from recsys.commands import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json
from recsys.errors import BadInput
from recsys.workspace import Workspace

schema = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What the data is expected to look like, and who approved it.",
)
bundles = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What can be served, what serves, and how to go back.",
)


def run(
    first: Annotated[
        dt.datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day to train a model of."),
    ] = None,
    last: Annotated[
        dt.datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last one; the newest day otherwise."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Runs the days that are due, from logs to a bundle that serves."""
    from pipeline import display, runner
    from recsys import pushes, quiet

    place = Workspace(workspace)
    due = runner.plan(place, first and first.date(), last and last.date())
    if due:
        quiet.import_tensorflow()
        with display.shown() as watch:
            runner.run(place, due, watch)
    ran_days = len({one.day for one in due})
    typer.echo(f"{ran_days} day{'s'[: ran_days > 1]} ran." if due else "All days are up to date.")
    typer.echo(pushes.serving(place))
    if as_json:
        ran = [{"day": one.day, "job": one.job} for one in due]
        print_json({"ran": ran, "serving": pushes.current(place)})


def ui(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    port: Annotated[int, typer.Option(help="Port to bind, on loopback.")] = 3000,
) -> None:
    """Opens Dagster's page: the graph, its runs, and what each component made."""
    import os
    import sys

    from pipeline import orchestration
    from pipeline.spans import days_of_logs

    place = Workspace(workspace.resolve())
    days_of_logs(place)
    orchestration.write_settings(place)
    typer.echo(f"http://127.0.0.1:{port}/asset-groups - stop it with Ctrl-C")
    settings = {"DAGSTER_HOME": str(place.dagster), "RECSYS_WORKSPACE": str(place.root)}
    arguments = ["-h", "127.0.0.1", "-p", str(port), "-m", "pipeline.definitions"]
    command = [sys.executable, "-m", "dagster_webserver", *arguments]
    os.execve(sys.executable, command, os.environ | settings)


def evaluate(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Prints what the newest model was measured at, and the verdict on it."""
    from rich.console import Console

    from pipeline import evaluations

    span, evaluation = evaluations.newest(Workspace(workspace))
    Console().print(*evaluations.described(span, evaluation), sep="\n")
    if as_json:
        print_json({"span": span, **evaluation})


@schema.command("show")
def show_schema(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Prints the approved schema, and who approved it."""
    from recsys.features import schema as schemas

    place = Workspace(workspace)
    version = schemas.latest(place)
    if version is None:
        raise BadInput("there is no schema yet: `recsys run` infers one from the first day.")
    approval = schemas.approval(place, version)
    typer.echo(schemas.path_of(place, version).read_text())
    typer.echo("version {version}, approved by {who} at {time}: {why}".format(**approval))


@schema.command("diff")
def diff_schema(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False
) -> None:
    """Lists the changes of the schema that would settle the anomalies found."""
    from pipeline import review
    from pipeline.store import Store

    found = review.proposed(Store(Workspace(workspace)))
    for day, proposal in found:
        typer.echo(f"{day}  {proposal.name:<20} {proposal.anomaly:<20} {proposal.change}")
    if not found:
        typer.echo("The data is as the schema expects; nothing is proposed.")
    if as_json:
        print_json([{"day": day, "name": one.name, "change": one.change} for day, one in found])


@schema.command("approve")
def approve_schema(
    names: Annotated[list[str] | None, typer.Argument(help="Features to approve.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Approve all of them.")] = False,
    why: Annotated[str, typer.Option(help="The reason, for those who come after.")] = "",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Makes what is proposed for these features the next version of the schema."""
    from pipeline import review
    from pipeline.store import Store

    if bool(names) == everything:
        raise BadInput("expected names of features, or --all: `recsys schema diff` lists them.")
    version = review.approve(Store(Workspace(workspace)), names or [], why)
    typer.echo(f"approved version {version}; `recsys run` takes it from here")


@bundles.command("list")
def list_bundles(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False
) -> None:
    """Lists what can be served, the first push first; a star marks what serves."""
    from recsys import pushes

    place = Workspace(workspace)
    current, versions = pushes.current(place), pushes.versions(place)
    for version in versions:
        typer.echo(f"{'*' if version == current else ' '} {version}")
    if not versions:
        typer.echo("No bundle was pushed yet: `recsys run` makes one.")
    if as_json:
        print_json({"current": current, "versions": versions})


@bundles.command("show")
def show_bundle(
    version: Annotated[str | None, typer.Argument(help="The current one if none.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Prints a bundle's lineage: each component, when it ran, and what it read."""
    from rich.console import Console

    from pipeline.lineage import tree
    from recsys import pushes

    manifest = pushes.manifest(Workspace(workspace), version)
    Console().print(tree(manifest))
    if as_json:
        print_json(manifest)


@bundles.command("rollback")
def roll_back(
    version: Annotated[str | None, typer.Argument(help="The one before if none.")] = None,
    why: Annotated[str, typer.Option(help="The reason, for those who come after.")] = "rollback",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Serves an earlier bundle again, after checking every byte of it."""
    from recsys import pushes

    push = pushes.roll_back(Workspace(workspace), version, why)
    typer.echo(f"{push.version} serves, {push.previous} did")
