"""What every command shares, and `recsys init`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from recsys import config as configuration
from recsys.errors import BadInput
from recsys.workspace import write_atomically

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", help="Folder with recsys.toml and all that grows out of it.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Make the last line of standard output one JSON object.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
]
DEFAULT_WORKSPACE = Path("workspace")


def print_json(values: Any) -> None:
    """Prints one JSON object on a line of its own."""
    typer.echo(json.dumps(values, default=str))


def init(
    preset: Annotated[
        str, typer.Option(help=f"One of {', '.join(configuration.preset_names())}.")
    ] = "tiny",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    force: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
) -> None:
    """Writes a commented recsys.toml."""
    path = workspace / configuration.FILE_NAME
    if path.exists() and not force:
        raise BadInput(f"{path} exists already: edit it, or replace it with --force.")
    write_atomically(path, configuration.render(configuration.preset(preset)).encode())
    typer.echo(f"wrote {path} (preset {preset})")
