import asyncio
from pathlib import Path

import dagster as dg
import httpx
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from daily_logs import DAY, make_workspace, write_clean_day

from pipeline.orchestration import jobs, runner, webserver
from pipeline.orchestration.runner import Due
from pipeline.store import State
from recsys.workspace import Workspace


def answers(workspace: Workspace, *paths: str) -> list[httpx.Response]:
    """What the server answers for each path, with no definitions loaded."""

    async def asked(server: httpx.ASGITransport) -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=server, base_url="http://page") as browser:
            return [await browser.get(path) for path in paths]

    with (
        dg.DagsterInstance.local_temp(str(workspace.root)) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context,
    ):
        server = httpx.ASGITransport(webserver.application(context, workspace))
        return asyncio.run(asked(server))


def watch_nothing(component: str, span: str, state: State, seconds: float) -> None:
    pass


def test_the_asset_of_a_day_links_to_its_page(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    write_clean_day(workspace, DAY)
    runner.run(workspace, [Due(DAY, "data")], watch_nothing)
    with jobs.run_history(workspace) as history:
        event = history.get_latest_materialization_event(dg.AssetKey("example_validator"))
    assert event is not None and event.asset_materialization is not None
    link = str(event.asset_materialization.metadata["report"].value)
    report, about, page = answers(workspace, link, "/server_info", "/asset-groups")
    assert report.headers["content-type"].startswith("text/html")
    assert f"Data of {DAY}: Clean" in report.text
    assert about.json()["dagster_version"] == dg.__version__
    assert "Dagster" in page.text


def test_nothing_else_of_the_workspace_is_served(tmp_path: Path) -> None:
    paths = ["/reports/%2e%2e/recsys.toml", "/reports/", "/reports/data/none.html"]
    found = answers(make_workspace(tmp_path), *paths)
    assert [answer.status_code for answer in found] == [404, 404, 404]
