import datetime as dt
from pathlib import Path

import dagster as dg
from daily_logs import DAY, at, make_workspace, request, write_log

from pipeline.orchestration import jobs
from pipeline.store import Store


def test_a_schedule_that_is_off_at_first_runs_the_newest_day_once(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    days = [DAY, DAY + dt.timedelta(days=1)]
    for day in days:
        write_log(workspace, "requests", day, [request(f"r{day}", "u", at(1, day))])
    definitions = jobs.definitions(Store(workspace))
    schedule = definitions.resolve_schedule_def("newest_day")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.job_name == jobs.PIPELINE

    repository = definitions.get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, repository_def=repository)
        requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    # Dagster runs a key once: a morning without new logs asks for the same one.
    asked = [(one.run_key, one.partition_key) for one in requests]
    assert asked == [(str(days[1]), str(days[1]))]
