"""`recsys serve` and `recsys recommend`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.commands import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from serving.asking import Answer
    from serving.population import Progress


def serve(
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Instead of serving.port; 0: a free one.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer there.")] = 1,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Serves the live bundle over HTTP: the API, the storefront page and the metrics."""
    from serving import process

    place = Workspace(workspace)
    settings = place.config.serving
    process.prepare(settings)
    wanted = settings.port if port is None else port

    def ready(version: str, url: str) -> None:
        typer.echo(f"bundle {version} serves at {url} (storefront), {url}/docs and {url}/metrics")

    if workers > 1:
        from serving import workers as several

        typer.echo(f"starting {workers} workers; loading users and the live bundle", err=True)
        several.serve(place, settings.host, wanted, workers, ready)
        return
    taken = process.listener(settings.host, wanted)
    url = process.url_of(settings.host, taken.getsockname()[1])
    typer.echo(f"listening at {url}; loading users and the live bundle", err=True)
    with _users_progress() as progress:
        process.run(place, [taken], url, lambda version: ready(version, url), progress)


def recommend(
    user: Annotated[str, typer.Argument(help="The user's id.")],
    k: Annotated[int | None, typer.Option(min=1, help="Apps wanted.")] = None,
    country: Annotated[str | None, typer.Option(help="Instead of the user's own.")] = None,
    language: Annotated[str | None, typer.Option(help="Instead of the user's own.")] = None,
    device: Annotated[str | None, typer.Option(help="Instead of the user's own.")] = None,
    url: Annotated[
        str | None,
        typer.Option(help="A server; else the configured one, or this process if none runs."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Shows what a user has and what is recommended."""
    from serving import asking
    from serving.process import url_of

    context = {"country": country, "language": language, "device": device}
    request = asking.checked(user, k, context)
    if url is None:
        settings = Workspace(workspace).config.serving
        configured = url_of(settings.host, settings.port)
        url = configured if asking.is_ready(configured) else None
    if url is not None:
        answer = asking.ask_server(url.rstrip("/"), request)
    else:
        with _users_progress() as progress:
            answer = asking.ask_bundle(Workspace(workspace), request, progress)
    _show(answer, asked=url or f"the bundle in {workspace}")
    if as_json:
        print_json({"user": answer.user, **answer.page})


def _show(answer: Answer, asked: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    user, page = answer.user, answer.page
    profile = ", ".join(str(value) for value in user["profile"].values() if value is not None)
    console.print(f"[bold]{user['user_id']}[/bold]  {profile or 'nothing known'}", soft_wrap=True)
    installed = [_title(app) for app in user["installed"]]
    console.print(f"has {len(installed)}: {', '.join(installed) or 'nothing yet'}", soft_wrap=True)
    table = Table("", "app", "category", "score", "sources", box=None, pad_edge=False)
    for item in page["items"]:
        cells = (_title(item), item["category"] or "", f"{item['score']:.4f}")
        table.add_row(str(item["position"]), *cells, ", ".join(item["sources"]))
    console.print(table)
    console.print(f"by bundle {page['bundle']}, asked of {asked}", soft_wrap=True)


def _title(app: dict[str, Any]) -> str:
    return app.get("title") or str(app["app_id"])


@contextlib.contextmanager
def _users_progress() -> Iterator[Progress]:
    """A bar on standard error while users are loaded; none where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("users", visible=False)

        def loaded(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=done < total)

        yield loaded
