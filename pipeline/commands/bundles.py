"""`recsys bundles ...`: what can be served, what serves, what it is made of, and how to go back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.commands import (
    DEFAULT_WORKSPACE,
    DryRunOption,
    JsonOption,
    WorkspaceOption,
    print_json,
)
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console

bundles = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What can be served, what serves, and how to go back. Of a version, its beginning is "
    "enough.",
)

VersionArgument = Annotated[str | None, typer.Argument(help="The one that serves if none.")]


@bundles.command("list")
def list_bundles(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False
) -> None:
    """Lists all bundles, refused ones too, with verdict, state and headline metrics."""
    from pipeline.commands.bundle_tables import listed
    from pipeline.commands.registered import registered
    from recsys import pushes
    from recsys.registry import servers

    place = Workspace(workspace)
    known, running = registered(place), servers.running(place)
    if known:
        _console().print(*listed(known, running), sep="\n")
    else:
        typer.echo("No bundle was made yet: `recsys run` makes one.")
    if as_json:
        rows = [{name: v for name, v in one.values().items() if name != "lineage"} for one in known]
        names = {"current": pushes.current(place), "versions": pushes.versions(place)}
        print_json({**names, "bundles": rows, "servers": [vars(one) for one in running]})


@bundles.command("show")
def show_bundle(
    version: VersionArgument = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Prints all that is known of a bundle: verdict, metrics, who serves it, what it is made of."""
    from pipeline.commands.bundle_tables import shown
    from pipeline.commands.registered import find, registered
    from recsys import pushes
    from recsys.registry import servers

    place = Workspace(workspace)
    known = {one.version: one for one in registered(place)}
    one = find(known, version or pushes.known(place, pushes.current(place)))
    running = servers.running(place)
    _console().print(*shown(one, running), sep="\n")
    if as_json:
        serving = [vars(server) for server in running if one.version in server.holds]
        print_json({**one.values(), "servers": serving})


@bundles.command("diff")
def diff_bundles(
    before: Annotated[str, typer.Argument(help="A version.")],
    after: VersionArgument = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Prints what changed between two bundles: data, config, code, schema, metrics, apps."""
    from pipeline.commands.bundle_tables import compared
    from pipeline.commands.registered import find, registered
    from recsys import pushes
    from recsys.registry import comparison

    place = Workspace(workspace)
    known = {one.version: one for one in registered(place)}
    two = [find(known, before), find(known, after or pushes.known(place, pushes.current(place)))]
    found = comparison.difference(*((one.folder, one.entry) for one in two))
    _console().print(*compared(found), sep="\n")
    if as_json:
        print_json(found.values())


@bundles.command("rollback")
def roll_back(
    version: Annotated[str | None, typer.Argument(help="The one before if none.")] = None,
    why: Annotated[str, typer.Option(help="The reason, for those who come after.")] = "rollback",
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Serves an earlier bundle again, after checking every byte of it."""
    from recsys import pushes

    place = Workspace(workspace)
    was = pushes.current(place)
    if dry_run:
        now = pushes.checked(place, version)
        typer.echo(f"{now} is whole and would serve, {was} does")
    else:
        now = pushes.roll_back(place, version, why).version
        typer.echo(f"{now} serves, {was} did" if now != was else f"{now} serves already")
    if as_json:
        print_json({"serving": now, "before": was, "dry_run": dry_run})


@bundles.command("prune")
def prune_bundles(
    keep: Annotated[
        int | None, typer.Option(min=1, help="The newest to keep, instead of bundles.keep.")
    ] = None,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Deletes old bundles; what serves, what it goes back on and the newest are kept."""
    from pipeline.commands.bundle_tables import pruned
    from pipeline.commands.registered import num_bytes
    from recsys import pushes
    from recsys.registry import retention

    place = Workspace(workspace)
    settings = place.config.bundles
    if keep is not None:
        settings = settings.model_copy(update={"keep": keep})
    sizes = {version: num_bytes(place.bundles / version) for version in pushes.versions(place)}
    artifacts = {path.name: num_bytes(path) for path in sorted(place.artifacts.glob("[!.]*"))}
    done = (retention.retention if dry_run else retention.prune)(place, settings)
    _console().print(*pruned(done, sizes, dry_run, artifacts), sep="\n")
    if as_json:
        kept = [{"version": one, "why": why} for one, why in done.kept.items()]
        bundles = {"kept": kept, "removed": done.removed, "num_bytes": sizes}
        print_json({"dry_run": dry_run, **bundles, "artifacts": artifacts})


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
