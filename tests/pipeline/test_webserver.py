import asyncio
from pathlib import Path

import dagster as dg
import httpx
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from daily_logs import DAY, make_workspace

from pipeline import webserver
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


def test_one_server_shows_dagster_and_the_reports(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    path = workspace.reports / "data" / f"{DAY}.html"
    path.parent.mkdir(parents=True)
    path.write_text("<p>a report</p>")
    link = f"/reports/data/{DAY}.html"
    report, about, page = answers(workspace, link, "/server_info", "/asset-groups")
    assert report.text == "<p>a report</p>"
    assert report.headers["content-type"].startswith("text/html")
    assert about.json()["dagster_version"] == dg.__version__
    assert "Dagster" in page.text


def test_nothing_else_of_the_workspace_is_served(tmp_path: Path) -> None:
    paths = ["/reports/%2e%2e/recsys.toml", "/reports/", "/reports/data/none.html"]
    found = answers(make_workspace(tmp_path), *paths)
    assert [answer.status_code for answer in found] == [404, 404, 404]
