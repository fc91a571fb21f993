"""`recsys events`: what servers logged, on its way to the pipeline."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Annotated

import typer

from recsys.commands import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json
from recsys.errors import BadInput
from recsys.workspace import Workspace

events = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What servers logged, for the pipeline."
)


@events.callback()
def _events() -> None: ...


@events.command()
def publish(
    day: Annotated[
        str | None, typer.Option(help="This day alone, though it may not be over: YYYY-MM-DD.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Adds served requests, impressions and outcomes to the daily tables: those of every day that
    is over. Servers do this by themselves."""
    import pyarrow.parquet as pq

    from serving.publishing import last_closed
    from serving.publishing import publish as published
    from serving.user_store import open_store

    place, now = Workspace(workspace), dt.datetime.now(dt.UTC)
    wanted = None if day is None else _day(day)
    with contextlib.closing(open_store(place)) as store:
        files = published(place, store, now, wanted)
    rows = {str(file.relative_to(workspace)): pq.read_metadata(file).num_rows for file in files}
    for name, num_rows in rows.items():
        typer.echo(f"{num_rows:>10,} rows  {name}")
    if not rows:
        typer.echo(f"nothing new up to {wanted or last_closed(place, now)}")
    if as_json:
        print_json({"files": rows})


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--day {text!r} is no day, expected one like 2024-03-14.") from None
