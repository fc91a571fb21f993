"""The `recsys` command: mounts each package's commands, and imports a package only when one of its
commands is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from recsys.errors import BadInput, GateStopped

Commands = Mapping[str, "str | Commands"]
"""Where each command is, or each command of a group."""

AB: Commands = {
    "list": "loadtests.ab_commands:list_shipped",
    "run": "loadtests.ab_commands:run",
    "simulate": "data.ab_commands:simulate",
    "analyze": "recsys.experiments.commands:analyze",
    "plan": "recsys.experiments.commands:plan",
    "expected-installs": "data.ab_commands:expected_installs",
}

COMMANDS: Commands = {
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
    "ab": AB,
    "bench": "loadtests.commands:bench",
    "ui": "pipeline.commands.run:ui",
}


GROUPS = {"ab": "Experiments: simulated on the synthetic store's users, and analysed."}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are looked up."""

    commands_at: ClassVar[Commands] = COMMANDS

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of a team's day."""
        return list(self.commands_at)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None for an unknown name."""
        if cmd_name not in self.commands_at:
            return None
        found = self.commands_at[cmd_name]
        command = typer.main.get_command(_imported(cmd_name, found))
        command.name = cmd_name
        return command


def group(commands: Commands, help_text: str) -> typer.Typer:
    """A group of such commands."""
    lazy = type("LazyGroup", (LazyGroup,), {"commands_at": commands})
    made = typer.Typer(
        cls=lazy,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback(help=help_text)(lambda: None)
    return made


def _imported(name: str, place: str | Commands) -> typer.Typer:
    if not isinstance(place, str):
        return group(place, GROUPS[name])
    module, attribute = place.split(":")
    target: Any = getattr(importlib.import_module(module), attribute)
    if isinstance(target, typer.Typer):
        return target
    alone = typer.Typer(add_completion=False)
    alone.command(name)(target)
    return alone


cli = group(COMMANDS, "A two-stage recommender: data, training, evaluation, serving.")


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
