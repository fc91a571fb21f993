"""`recsys data import`: a person's own data, or a public dataset, into the daily tables."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.commands import DEFAULT_WORKSPACE, DryRunOption, JsonOption, WorkspaceOption, print_json
from recsys.errors import BadInput
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from data.importers.summary import Imported


def import_data(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    force: Annotated[bool, typer.Option(help="Replace the logs that are there.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Imports the files that the import section of recsys.toml names."""
    from rich.console import Console
    from rich.progress import Progress

    from data.importers.importing import import_logs, rehearse

    place = Workspace(workspace)
    if place.logs.exists() and any(place.logs.iterdir()) and not force:
        raise BadInput(
            f"{place.logs} holds logs already, expected none: choose another --workspace, or "
            "replace them with --force."
        )
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        imported = (rehearse if dry_run else import_logs)(place, progress)
    for line in _report(imported, place, dry_run):
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was written: this is what an import without --dry-run comes to.")
    if as_json:
        print_json(dataclasses.asdict(imported))


def _report(imported: Imported, workspace: Workspace, is_rehearsal: bool) -> list[str]:
    lines = []
    for name, num in imported.num_rows.items():
        lines.append(f"{name}: {num:,} rows, {imported.num_kept[name]:,} kept")
        bad = imported.num_set_aside[name]
        lines += [f"  {count:,} set aside: {reason}" for reason, count in bad.items()]
        if bad and not is_rehearsal:
            lines.append(f"  see {workspace.logs / 'rejected' / name}.csv")
        if name == "interactions" and imported.num_below_min_value:
            lines.append(f"  {imported.num_below_min_value:,} left out: below min_value")
    lines += [f"note: {note}" for note in imported.notes]
    lines.append(
        f"{imported.num_users:,} users, {imported.num_apps:,} apps, {imported.num_days:,} days "
        f"({imported.first_day} to {imported.last_day}) in {workspace.logs}"
    )
    return lines
