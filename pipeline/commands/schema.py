"""The `schema` commands: what the data is expected to look like, and a person's decisions on it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recsys.commands import (
    DEFAULT_WORKSPACE,
    DryRunOption,
    JsonOption,
    WorkspaceOption,
    print_json,
)
from recsys.workspace import Workspace

schema = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What the data is expected to look like, and who approved it.",
)


@schema.command("show")
def show_schema(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False
) -> None:
    """Prints the newest schema, who approved it, and why."""
    from pipeline.commands import review
    from pipeline.store import Store
    from recsys.features import schema as schemas

    place = Workspace(workspace)
    version = review.newest_version(Store(place))
    approval = schemas.approval(place, version)
    typer.echo((schemas.folder_of(place, version) / schemas.SCHEMA).read_text())
    for decision in approval["decisions"]:
        typer.echo("{day}  {name}: {anomaly} -> {change}".format(**decision))
    typer.echo("version {version}, approved by {who} at {time}: {why}".format(**approval))
    if as_json:
        print_json(approval)


@schema.command("diff")
def diff_schema(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False
) -> None:
    """Lists the anomalies that are open, and the changes of the schema that would settle them."""
    from pipeline.commands import review
    from pipeline.orchestration import display
    from pipeline.store import Store

    found = review.open_anomalies(Store(Workspace(workspace)))
    for day in dict.fromkeys(one.day for one in found):
        typer.echo(f"{day}\n{display.table([one.row for one in found if one.day == day])}")
    if not found:
        typer.echo("The data is as the schema expects; nothing is proposed.")
    else:
        typer.echo(
            "`recsys schema approve NAME... --why TEXT` makes a proposal the next version. What "
            "can't be mended upstream any more is let pass in the same way, for its day alone."
        )
    if as_json:
        print_json([_values(one) for one in found])


@schema.command("approve")
def approve_schema(
    names: Annotated[list[str] | None, typer.Argument(help="What to approve, by name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Approve every proposal.")] = False,
    why: Annotated[str, typer.Option(help="The reason, for those who come after.")] = "",
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Makes what is proposed the next version of the schema, with the reason."""
    from pipeline.commands import review
    from pipeline.store import Store
    from recsys.errors import BadInput

    if bool(names) == everything:
        raise BadInput("expected names, or --all: `recsys schema diff` lists them.")
    store = Store(Workspace(workspace))
    version, decisions = review.approve(store, names or [], why, dry_run)
    for decision in decisions:
        typer.echo(f"{decision.day}  {decision.name}: {decision.anomaly} -> {decision.change}")
    if dry_run:
        typer.echo(f"this would be version {version}; nothing was written")
    else:
        typer.echo(f"approved version {version}; `recsys run` takes it from here")
    if as_json:
        made = [vars(decision) for decision in decisions]
        print_json({"version": version, "decisions": made, "dry_run": dry_run})


def _values(found: Any) -> dict[str, Any]:
    """One open anomaly as JSON values."""
    approvable = {"can_be_approved": found.can_be_approved}
    return {"day": found.day, **vars(found.row), **approvable}
