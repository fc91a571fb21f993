import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, SMALL, make_workspace, write_clean_day

from pipeline.artifacts import ExampleAnomalies, ModelBundle, ModelEvaluation
from pipeline.commands import review
from pipeline.orchestration import jobs, runner
from pipeline.orchestration.runner import Due
from pipeline.store import State, Store
from recsys import pushes
from recsys.bundle import Bundle
from recsys.errors import BadInput, GateStopped
from recsys.features.anomalies import Row
from recsys.workspace import Workspace

DAYS = [DAY + dt.timedelta(days=i) for i in range(3)]
DATA = ["example_gen", "skew_gen", "statistics_gen", "schema_gen", "example_validator"]


class Watched:
    """Remembers what the store did."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, State]] = []

    def __call__(self, component: str, span: str, state: State, seconds: float) -> None:
        if state != "running":
            self.seen.append((component, span, state))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three clean days, and models that train in moments."""
    workspace = make_workspace(tmp_path, **SMALL)
    for day in DAYS:
        write_clean_day(workspace, day)
    return workspace


def run_data(workspace: Workspace, *days: dt.date) -> Watched:
    watched = Watched()
    runner.run(workspace, [Due(day, "data") for day in days], watched)
    return watched


def test_a_model_of_a_day_is_due_after_its_window(workspace: Workspace) -> None:
    due = runner.plan(workspace, None, None)
    assert due == [Due(DAYS[0], "data"), Due(DAYS[1], "data"), Due(DAYS[2], "pipeline")]
    each = runner.plan(workspace, DAYS[1], DAYS[2])
    assert each == [
        Due(DAYS[0], "data"),
        Due(DAYS[1], "pipeline"),
        Due(DAYS[2], "pipeline"),
    ]


def test_days_that_are_not_there_are_one_sentence(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="the days 2024-03-02 to 2024-03-04, found no 2024-04-01"):
        runner.plan(workspace, None, dt.date(2024, 4, 1))
    with pytest.raises(BadInput, match="2024-03-02 needs an earlier day to train on"):
        runner.plan(workspace, None, DAYS[0])


def test_only_days_that_changed_run_again(workspace: Workspace) -> None:
    first = run_data(workspace, DAYS[0], DAYS[1])
    assert first.seen == [(name, str(day), "done") for day in DAYS[:2] for name in DATA]
    assert runner.plan(workspace, None, None) == [Due(DAYS[2], "pipeline")]
    write_clean_day(workspace, DAYS[1], num_requests=500)
    assert runner.plan(workspace, None, None) == [Due(DAYS[1], "data"), Due(DAYS[2], "pipeline")]
    again = run_data(workspace, DAYS[1])
    states = dict(zip(DATA, ["done", "done", "done", "reused", "done"], strict=True))
    assert again.seen == [(name, str(DAYS[1]), state) for name, state in states.items()]


def test_an_anomaly_stops_the_run_until_a_person_approves(workspace: Workspace) -> None:
    run_data(workspace, DAYS[0])
    [file] = workspace.files("requests", DAYS[1])
    rows = pq.read_table(file)
    lower = pc.utf8_lower(rows["country"])
    pq.write_table(rows.set_column(rows.column_names.index("country"), "country", lower), file)
    with pytest.raises(GateStopped) as stopped:
        run_data(workspace, DAYS[1], DAYS[2])
    assert "the data of 2024-03-03 was stopped before training" in str(stopped.value)
    found = "error    country  Unexpected values: 100.0% of values are outside the domain"
    assert found in str(stopped.value)
    assert "No bundle serves yet." in str(stopped.value)

    store = Store(workspace)
    assert not store.has(ExampleAnomalies, DAYS[2])
    [still_open] = review.open_anomalies(store)
    assert (still_open.day, still_open.name) == (DAYS[1], "country")
    assert f"-> {still_open.row.remedy}" in str(stopped.value)
    assert review.approve(store, ["country"], "the app sends lower case now").version == 2
    # The day after the next one is ordinary again; the day before is not looked at again.
    again = run_data(workspace, DAYS[1], DAYS[2])
    assert {span for _, span, _ in again.seen} == {str(DAYS[1]), str(DAYS[2])}
    assert runner.plan(workspace, None, None) == [Due(DAYS[2], "pipeline")]


def test_a_warning_stops_nothing_and_is_told(workspace: Workspace) -> None:
    run_data(workspace, DAYS[0])
    [file] = workspace.files("requests", DAYS[1])
    rows = pq.read_table(file)
    pq.write_table(rows.append_column("network", pa.array(["5g"] * len(rows))), file)
    told: dict[dt.date, Sequence[Row]] = {}
    due = [Due(DAYS[1], "data"), Due(DAYS[2], "data")]
    runner.run(workspace, due, Watched(), told.__setitem__)
    [(day, [row])] = told.items()
    assert (day, row.name, row.severity) == (DAYS[1], "network", "warning")


def test_dagsters_page_has_the_anomalies_as_a_table(workspace: Workspace) -> None:
    run_data(workspace, DAYS[0])
    [file] = workspace.files("requests", DAYS[1])
    pq.write_table(pq.read_table(file).drop_columns("device"), file)
    with pytest.raises(GateStopped):
        run_data(workspace, DAYS[1])
    with jobs.run_history(workspace) as history:
        [run] = history.get_runs(limit=1)
        [entry] = history.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluation = entry.asset_check_evaluation
    assert evaluation is not None and not evaluation.passed
    assert evaluation.metadata["anomalies"].value == (
        "| severity | feature | anomaly | found | proposed |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| error | device | Column dropped | the column is in the schema, but not in the data | "
        "deprecate feature |"
    )


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from pipeline.orchestration import runner
from pipeline.orchestration.display import shown
from recsys.features import statistics
from recsys.workspace import Workspace

save = statistics.save

def save_or_die(computed, path):
    if "2024-03-03" in str(path):
        path.write_bytes(b"half of it")
        os.kill(os.getpid(), signal.SIGKILL)
    save(computed, path)

statistics.save = save_or_die
workspace = Workspace(Path(sys.argv[1]))
with shown() as watch:
    runner.run(workspace, runner.plan(workspace, None, None), watch)
"""


def test_a_run_killed_in_the_middle_of_a_component_resumes_there(workspace: Workspace) -> None:
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(workspace.root)]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    artifacts = workspace.artifacts
    [left] = artifacts.rglob("statistics_gen/*/.staged-*")
    assert (left / "statistics.pb").read_bytes() == b"half of it"

    due = runner.plan(workspace, None, None)
    assert due == [Due(DAYS[1], "data"), Due(DAYS[2], "pipeline")]
    resumed = run_data(workspace, DAYS[1])
    assert resumed.seen == [
        ("example_gen", "2024-03-03", "reused"),
        ("skew_gen", "2024-03-03", "reused"),
        ("statistics_gen", "2024-03-03", "done"),
        ("schema_gen", "2024-03-03", "done"),
        ("example_validator", "2024-03-03", "done"),
    ]
    assert list(artifacts.rglob(".staged-*")) == []
    with jobs.run_history(workspace) as history:
        statuses = [run.status for run in history.get_runs()]
    success, failure = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
    assert statuses == [success, failure, success]


def test_from_logs_to_a_bundle_that_serves_and_back(workspace: Workspace) -> None:
    runner.run(workspace, runner.plan(workspace, DAYS[1], DAYS[2]), Watched())
    assert runner.plan(workspace, DAYS[1], DAYS[2]) == []
    store = Store(workspace)
    first, second = (store.current(ModelBundle, day).version for day in DAYS[1:])
    assert pushes.versions(workspace) == [first, second]
    assert pushes.current(workspace) == second
    assert store.current(ModelEvaluation, DAYS[2]).values["baseline"] == first
    manifest = pushes.manifest(workspace, None)
    assert manifest["version"] == Bundle.load(workspace.bundles / second).version
    components = {record["component"] for record in manifest["lineage"]}
    assert components >= {"trainer_ranking", "transform", "example_gen", "schema_gen"}

    # Everything is there: nothing is made again, and nothing is compared with itself.
    watched = Watched()
    runner.run(workspace, [Due(DAYS[2], "pipeline")], watched)
    assert {state for _, _, state in watched.seen} == {"reused"}

    assert pushes.roll_back(workspace, None, "a bad day").version == first
    assert pushes.current(workspace) == first
    with pytest.raises(BadInput, match="expected the version of a bundle, found nonsense"):
        pushes.roll_back(workspace, "nonsense", "")

    # A model that is refused reaches nobody.
    strict = make_workspace(workspace.root, **{**SMALL, "evaluation": {"min_ranking_auc": 1.0}})
    with pytest.raises(GateStopped, match=f"AUC is .* Bundle {first} serves on"):
        runner.run(strict, runner.plan(strict, None, None), Watched())
    assert pushes.current(strict) == first

    # Nor does one that a server can't hold, which isn't even evaluated.
    heavy = make_workspace(workspace.root, **{**SMALL, "infra": {"max_memory_mib": 20}})
    num_evaluations = len(list(workspace.artifacts.glob("evaluator/*/*/")))
    with pytest.raises(GateStopped, match=f"infra_validator: the server took .* {first} serves on"):
        runner.run(heavy, runner.plan(heavy, None, None), Watched())
    assert len(list(workspace.artifacts.glob("evaluator/*/*/"))) == num_evaluations
    assert pushes.current(heavy) == first
