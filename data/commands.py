"""`recsys data ...`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated

import typer

from data.break_command import break_data
from data.import_command import import_data
from recsys import config as configuration
from recsys.commands import (
    DEFAULT_WORKSPACE,
    DryRunOption,
    JsonOption,
    WorkspaceOption,
    print_json,
)
from recsys.config import Config
from recsys.errors import BadInput
from recsys.workspace import Workspace, write_atomically

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def _data() -> None:
    """Logs: a synthetic store's, or a person's own."""


app.command("import")(import_data)
app.command("break")(break_data)


@app.command()
def generate(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    preset: Annotated[
        str,
        typer.Option(help="Write this preset's recsys.toml first, where there is none yet."),
    ] = "",
    days: Annotated[
        int, typer.Option(min=0, help="How many days the logs shall have; 0: as configured.")
    ] = 0,
    force: Annotated[bool, typer.Option(help="Replace the logs that are there.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Generates the synthetic store's days that are not in the logs yet."""
    from data.generate import generate, missing_days, peak_mib
    from data.progress import day_progress

    target = Workspace(workspace)
    config = _chosen(preset, target)
    num_days = days or config.world.num_days
    if dry_run:
        missing = missing_days(target, config, num_days, force)
        for line in _planned(target, missing, num_days - len(missing), force):
            typer.echo(line)
        if as_json:
            print_json({"days": len(missing)})
        return
    if not target.config_file.exists():
        write_atomically(target.config_file, configuration.render(config).encode())
    with day_progress(num_days) as day_done:
        totals = generate(target, num_days, force, day_done)
    typer.echo(
        f"{totals.days} days added to the {totals.days_before} in {target.logs}: "
        f"{totals.requests:,} requests, "
        f"{totals.impressions:,} impressions, {totals.clicks:,} clicks, {totals.installs:,} "
        f"installs, {totals.uninstalls:,} uninstalls"
    )
    typer.echo(
        f"{totals.seconds:.1f} s, {totals.impressions_per_s:,.0f} impressions/s, "
        f"{peak_mib():,.0f} MiB at most"
    )
    if as_json:
        print_json(
            {
                **({"preset": preset} if preset else {}),
                "days": totals.days,
                "requests": totals.requests,
                "impressions": totals.impressions,
                "installs": totals.installs,
                "seconds": round(totals.seconds, 3),
                "impressions_per_s": round(totals.impressions_per_s),
                "peak_mib": round(peak_mib()),
            }
        )


def _chosen(preset: str, workspace: Workspace) -> Config:
    """The workspace's configuration; the preset, which it must not differ from, where it has none.

    Raises:
        BadInput: it differs, or there is neither.
    """
    if preset and not workspace.config_file.exists():
        return configuration.preset(preset)
    if preset and workspace.config != configuration.preset(preset):
        raise BadInput(
            f"{workspace.config_file} differs from preset {preset!r}: leave --preset out to use "
            "the file as it is, or choose another workspace."
        )
    return workspace.config


def _planned(
    workspace: Workspace, missing: list[dt.date], num_there: int, force: bool
) -> Iterator[str]:
    """What would be written, for people."""
    if not workspace.config_file.exists():
        yield f"{workspace.config_file} would be written"
    if force and workspace.logs.exists():
        yield f"{workspace.logs} would be removed"
    days = f", {missing[0]} to {missing[-1]}," if missing else ""
    yield f"{len(missing)} days{days} would be added to the {num_there} in {workspace.logs}"
