"""The `recsys` command: mounts each package's commands, and imports a package only when one of its
commands is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from recsys.errors import BadInput, GateStopped

COMMANDS = {
    "demo": "loadtests.commands:demo",
    "init": "recsys.commands:init",
    "data": "data.commands:app",
    "run": "pipeline.commands.run:run",
    "schema": "pipeline.commands.schema:schema",
    "bundles": "pipeline.commands.bundles:bundles",
    "evaluate": "pipeline.commands.run:evaluate",
    "serve": "serving.commands:serve",
    "recommend": "serving.commands:recommend",
    "events": "serving.event_commands:events",
    "ab": "data.commands:ab",
    "bench": "loadtests.commands:bench",
    "ui": "pipeline.commands.run:ui",
}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are looked up."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of a team's day."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        target: Any = getattr(importlib.import_module(module), attribute)
        if not isinstance(target, typer.Typer):
            function, target = target, typer.Typer(add_completion=False)
            target.command(cmd_name)(function)
        command = typer.main.get_command(target)
        command.name = cmd_name
        return command


cli = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.callback()
def recsys() -> None:
    """A two-stage recommender: data, training, evaluation, serving."""


def main() -> None:
    """Runs the command line; 2 for bad input, 1 for a gate that stopped the run."""
    try:
        cli()
    except BadInput as error:
        typer.echo(f"recsys: {error}", err=True)
        sys.exit(2)
    except GateStopped as stop:
        typer.echo(f"recsys: {stop}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
