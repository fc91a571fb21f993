"""`recsys ab list` and `recsys ab run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recsys.commands import JsonOption, print_json


def list_shipped(as_json: JsonOption = False) -> None:
    """The experiments that ship, and what each asks."""
    from loadtests.shipped import names, shipped

    questions = {name: shipped(name).question for name in names()}
    for name, question in questions.items():
        typer.echo(f"{name:24}{question}")
    if as_json:
        print_json(questions)


def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="As `recsys ab list` has them; all if none is named.")
    ] = None,
    preset: Annotated[str, typer.Option(help="The synthetic store's size.")] = "tiny",
    users: Annotated[
        int, typer.Option(min=0, help="In all arms together; 0: as the experiment says.")
    ] = 0,
    cache: Annotated[Path, typer.Option(help="Where workspaces are kept.")] = Path(".cache"),
    as_json: JsonOption = False,
) -> None:
    """Runs experiments that ship, from training to verdict; simulated."""
    from loadtests import ab_run, ab_run_report
    from loadtests.shipped import names as all_names
    from loadtests.shipped import shipped

    wanted = names or all_names()
    for name in wanted:
        shipped(name)
    found = {name: ab_run.run(name, preset, users, cache) for name in wanted}
    page = ab_run_report.write(found)
    typer.echo(f"\n{ab_run_report.table(found)}\n\nwrote {page}")
    if as_json:
        print_json(found)
