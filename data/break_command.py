"""`recsys data break`: a fault of the systems upstream, in a copy of a workspace."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
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
    as_json: JsonOption = False,
) -> None:
    """Copies the workspace and lets something go wrong upstream there."""
    from data import breaking

    if not fault:
        _list_faults(as_json)
        return
    place, what, date = Workspace(workspace), breaking.known(fault), day and day.date()
    target = to or workspace.with_name(f"{workspace.name}-{fault}")
    if dry_run:
        changes = breaking.rehearse(place, what, date)
        then = f"Nothing is written; without --dry-run, this happens in {target}."
    else:
        changes = breaking.break_day(place, what, date, target)
        then = f"`recsys run --workspace {target}` shows what comes of it."
    typer.echo("\n  ".join([what.story, *changes]) + f"\n{then}")
    if as_json:
        print_json({"fault": fault, "changes": changes})


def _list_faults(as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from data.faults import FAULTS

    table = Table("fault", "what happened upstream", box=None, pad_edge=False)
    for fault in FAULTS.values():
        table.add_row(fault.name, fault.story)
    Console().print(table)
    if as_json:
        print_json(
            [
                {"name": fault.name, "story": fault.story, "touches": fault.touches}
                for fault in FAULTS.values()
            ]
        )
