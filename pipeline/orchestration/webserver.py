"""Dagster's page with the workspace's reports beside it.

An asset links to its report, and browsers follow no `file:` link of a page that came over HTTP: one
server has to serve both.
"""

from __future__ import annotations

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from recsys.workspace import Workspace


def serve(workspace: Workspace, port: int) -> None:
    """Serves on loopback until it is interrupted.

    `DAGSTER_HOME` and `RECSYS_WORKSPACE` must be set: processes that it starts go by them.
    """
    definitions = ModuleTarget("pipeline.orchestration.definitions", None, None, None)
    with (
        dg.DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, definitions) as context,
    ):
        app = application(context, workspace)
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def application(context: WorkspaceProcessContext, workspace: Workspace) -> Starlette:
    """Dagster's page of some definitions, and under `/reports` the workspace's."""
    workspace.reports.mkdir(parents=True, exist_ok=True)
    reports = StaticFiles(directory=workspace.reports)
    page = create_app_from_workspace_process_context(context)
    return Starlette(routes=[Mount("/reports", reports), Mount("/", page)])
