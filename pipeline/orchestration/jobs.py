"""Dagster's side of the pipeline: jobs over the assets, the run history, and where it logs."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from pipeline import artifacts
from pipeline.graph import assets_of
from pipeline.spans import days_of_logs
from pipeline.store import Store
from recsys.workspace import Workspace, write_atomically

DATA = "data"
"""The job that makes and validates a day's examples."""
PIPELINE = "pipeline"
"""The job that does the same and then trains, evaluates and pushes."""

_SETTINGS = """# Written by recsys. Nothing about a run leaves this machine.
telemetry:
  enabled: false
nux:
  enabled: false
"""
_CONFIG: dict[str, Any] = {"loggers": {"file": {}}}
_MORNING = "0 5 * * *"
_PID = "recsys/pid"


def definitions(store: Store) -> dg.Definitions:
    """Everything that Dagster's page shows of a workspace.

    Raises:
        BadInput: its logs hold no day.
    """
    gate = dg.AssetSelection.assets(artifacts.DATA[-1].component)
    return dg.Definitions(
        assets=assets_of(store),
        jobs=[
            dg.define_asset_job(DATA, gate.upstream()),
            dg.define_asset_job(PIPELINE, dg.AssetSelection.all()),
        ],
        schedules=[_every_morning(store.workspace)],
        executor=dg.in_process_executor,
        loggers={"file": _file_logger(store.workspace.dagster / "dagster.log")},
    )


@contextlib.contextmanager
def run_history(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """The workspace's own run history, in which runs whose process died have failed."""
    write_settings(workspace)
    with dg.DagsterInstance.from_config(str(workspace.dagster)) as instance:
        for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            if _PID in run.tags and not _is_alive(int(run.tags[_PID])):
                instance.report_run_failed(run, "The process was killed; `recsys run` resumes it.")
        yield instance


def write_settings(workspace: Workspace) -> None:
    """Writes `dagster.yaml`."""
    write_atomically(workspace.dagster / "dagster.yaml", _SETTINGS.encode())


def execute(instance: dg.DagsterInstance, whole: dg.Definitions, job: str, span: dt.date) -> None:
    """Runs a job for a span in this process.

    Raises:
        DagsterError: a gate stopped it.
        Exception: whatever a component raised.
    """
    whole.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=span.isoformat(),
        tags={_PID: str(os.getpid())},
        run_config=_CONFIG,
    )


def _every_morning(workspace: Workspace) -> dg.ScheduleDefinition:
    """Runs the newest day once, if its logs have come; off until a person turns it on."""

    @dg.schedule(
        cron_schedule=_MORNING,
        execution_timezone="UTC",
        job_name=PIPELINE,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Trains, evaluates and pushes the models of the newest day.",
    )
    def newest_day() -> dg.RunRequest:
        day = days_of_logs(workspace)[-1].isoformat()
        # Dagster runs a key once, so a morning without new logs does nothing.
        return dg.RunRequest(run_key=day, partition_key=day, run_config=_CONFIG)

    return newest_day


@functools.cache
def _file_logger(path: Path) -> dg.LoggerDefinition:
    """Dagster's own lines go to a file: the terminal is for people."""
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def to_file(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("dagster", logging.INFO)
        logger.addHandler(handler)
        return logger

    return dg.logger(config_schema=None, description=f"Writes to {path}.")(to_file)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is someone else's
        return True
    return True
