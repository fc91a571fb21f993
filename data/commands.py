"""`recsys data ...` and `recsys ab ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from data.import_command import import_data
from recsys import config as configuration
from recsys.commands import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json
from recsys.errors import BadInput
from recsys.workspace import Workspace, write_atomically

app = typer.Typer(add_completion=False, no_args_is_help=True)
ab = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def _data() -> None:
    """Logs: a synthetic store's, or a person's own."""


app.command("import")(import_data)


@ab.callback()
def _ab() -> None:
    """Experiments on the synthetic store's users."""


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
    as_json: JsonOption = False,
) -> None:
    """Generates the synthetic store's days that are not in the logs yet."""
    from data.generate import generate, peak_mib
    from data.progress import day_progress

    target = Workspace(workspace)
    if preset:
        _start_from(preset, target)
    num_days = days or target.config.world.num_days
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


@ab.command("expected-installs")
def expected_installs(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    users: Annotated[int, typer.Option(min=2, help="Users to ask.")] = 2_000,
    as_json: JsonOption = False,
) -> None:
    """What a page of the serving bundle is worth to users whose truth is known."""
    from dataclasses import asdict

    from rich.console import Console

    from recsys import quiet

    quiet.import_tensorflow()

    from data.report import table
    from data.simulation import expected_installs

    comparison = expected_installs(Workspace(workspace), users)
    Console().print(table(comparison))
    if as_json:
        print_json(asdict(comparison))


def _start_from(preset: str, workspace: Workspace) -> None:
    wanted = configuration.preset(preset)
    path = workspace.root / configuration.FILE_NAME
    if not path.exists():
        write_atomically(path, configuration.render(wanted).encode())
    elif workspace.config != wanted:
        raise BadInput(
            f"{path} differs from preset {preset!r}: leave --preset out to use the file as it is, "
            "or choose another workspace."
        )
