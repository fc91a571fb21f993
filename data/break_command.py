"""`recsys data break`: a fault of the systems upstream, in a copy of a workspace."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from recsys.commands import DEFAULT_WORKSPACE, DryRunOption, WorkspaceOption
from recsys.workspace import Workspace


def break_data(
    fault: Annotated[str, typer.Argument(help="Its name; all are listed if none.")] = "",
    day: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day to break; the newest one otherwise."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The copy; `<workspace>-<fault>` otherwise.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRunOption = False,
) -> None:
    """Copies the workspace and lets something go wrong upstream there."""
    from data import breaking

    if not fault:
        _list_faults()
        return
    place, what, date = Workspace(workspace), breaking.known(fault), day and day.date()
    target = to or workspace.with_name(f"{workspace.name}-{fault}")
    typer.echo(what.story)
    if dry_run:
        changes = breaking.rehearse(place, what, date)
    else:
        changes = breaking.break_day(place, what, date, target)
    for change in changes:
        typer.echo(f"  {change}")
    if dry_run:
        typer.echo(f"Nothing is written; without --dry-run, this happens in {target}.")
    else:
        typer.echo(f"`recsys run --workspace {target}` shows what comes of it.")


def _list_faults() -> None:
    from rich.console import Console
    from rich.table import Table

    from data.faults import FAULTS

    table = Table("fault", "what happened upstream", box=None, pad_edge=False)
    for fault in FAULTS.values():
        table.add_row(fault.name, fault.story)
    Console().print(table)
