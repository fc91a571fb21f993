"""What experiments are read from, and what is said of those that can't be."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import made_experiment
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from daily_logs import make_workspace, request, write_log
from made_experiment import START

from recsys.config import Experiment
from recsys.errors import BadInput
from recsys.experiments import sources
from recsys.experiments.sources import Source
from recsys.experiments.stored import Simulated, logged_exposures
from recsys.experiments.tables import EXPOSURES
from recsys.workspace import Workspace

ARMS = {"control": {"share": 0.5}, "treatment": {"share": 0.5}}
HOME = "x"
KEYS = ("user_id", "arm", "bundle")


def days(*numbers: int) -> list[dt.date]:
    return [START + dt.timedelta(days=number) for number in numbers]


def read(workspace: Workspace, **values: Any) -> Source:
    declared = {"arms": ARMS, "horizon_days": 3, "covariate_days": 2}
    options = {key: values.pop(key) for key in ("exposures", "outcomes", "until") if key in values}
    experiment = Experiment.model_validate({**declared, **values})
    return sources.read(workspace, HOME, experiment, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    made_experiment.write(folder, HOME, num_users=60, num_days=5, num_days_before=3)
    return folder


@pytest.fixture
def workspace(tmp_path: Path, whole: Path) -> Workspace:
    """A workspace with a simulation of five days after three."""
    home = make_workspace(tmp_path)
    shutil.copytree(whole, Simulated.of(home, HOME).folder)
    return home


def seen(source: Source) -> set[dt.date]:
    return set(source.outcomes["day"].to_pylist())


def test_a_simulation_is_read_over_its_horizon_and_the_days_before(workspace: Workspace) -> None:
    found = read(workspace)
    assert seen(found) == set(days(-2, -1, 0, 1, 2))
    assert found.exposures.schema == EXPOSURES
    users = found.exposures["user_id"].to_pylist()
    assert len(users) == len(set(users))
    assert set(found.outcomes["user_id"].to_pylist()) <= set(users)
    assert found.simulation is None
    Simulated.of(workspace, HOME).describe({"users": 60})
    assert read(workspace).simulation == {"users": 60}


def test_nothing_after_until_is_read(workspace: Workspace) -> None:
    found = read(workspace, until=days(1)[0])
    assert seen(found) == set(days(-2, -1, 0, 1))
    assert max(found.exposures["time"].to_pylist()).date() == days(1)[0]


def test_the_first_exposure_by_each_arm_and_bundle_is_kept(workspace: Workspace) -> None:
    rows = [("u", "control", "b1", 0), ("u", "control", "b1", 1), ("u", "control", "b2", 1)]
    rows += [("v", "treatment", "b1", 0), ("v", "control", "b1", 2)]
    table = pa.table(
        [
            [user for user, *_ in rows],
            [HOME] * len(rows),
            [arm for _, arm, _, _ in rows],
            [bundle for *_, bundle, _ in rows],
            [dt.datetime.combine(START, dt.time(9 + hour), dt.UTC) for *_, hour in rows],
        ],
        schema=EXPOSURES,
    )
    path = workspace.root / "met.parquet"
    pq.write_table(table, path)
    outcomes = Simulated.of(workspace, HOME).outcomes.folder
    found = read(workspace, exposures=path, outcomes=outcomes).exposures
    kept = {(*(row[key] for key in KEYS), row["time"].hour) for row in found.to_pylist()}
    assert kept == {
        ("u", "control", "b1", 9),
        ("u", "control", "b2", 10),
        ("v", "treatment", "b1", 9),
        ("v", "control", "b1", 11),
    }


def test_days_before_a_simulation_without_any_are_those_of_the_logs(workspace: Workspace) -> None:
    simulated = Simulated.of(workspace, HOME)
    for day in days(-3, -2, -1):
        shutil.rmtree(simulated.outcomes.of_day(day))
    noon = dt.datetime.combine(days(-1)[0], dt.time(12), dt.UTC)
    user = simulated_user(simulated)
    asked = [request("r1", user, noon), request("r2", "stranger", noon)]
    write_log(workspace, "requests", days(-1)[0], asked)
    write_log(workspace, "requests", days(0)[0], [request("r3", user, noon + dt.timedelta(days=1))])
    found = read(workspace)
    assert seen(found) == set(days(-1, 0, 1, 2))
    past = [row for row in found.outcomes.to_pylist() if row["day"] == days(-1)[0]]
    assert [(row["user_id"], row["pages"], row["latency_ms"]) for row in past] == [(user, 1, None)]


def simulated_user(simulated: Simulated) -> str:
    [file] = simulated.exposures.files(START)
    return str(pq.read_table(file, partitioning=None)["user_id"][0])


def test_a_real_experiment_is_read_from_the_logs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    noon = dt.datetime.combine(START, dt.time(12), dt.UTC)
    met = [["u"], [HOME], ["control"], ["b1"], [noon]]
    logged_exposures(workspace).write(START, pa.table(met, schema=EXPOSURES))
    write_log(workspace, "requests", START, [request("r1", "u", noon), request("r2", "v", noon)])
    write_log(workspace, "users", days(-1)[0], [{"user_id": "u", "country": "DE"}])
    write_log(workspace, "users", days(1)[0], [{"user_id": "u", "country": "FR"}])
    found = read(workspace, slices=["country", "shoe_size"])
    assert found.outcomes.num_rows == 1
    assert found.simulation is None
    assert found.users is not None
    assert found.users.to_pylist() == [{"user_id": "u", "country": "DE"}]


def test_without_exposures_it_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"logs/exposures does not exist.*recsys ab simulate x"):
        read(make_workspace(tmp_path))


def test_exposures_to_other_experiments_are_none(workspace: Workspace) -> None:
    experiment = Experiment.model_validate({"arms": ARMS})
    where = Simulated.of(workspace, HOME).exposures.folder
    with pytest.raises(BadInput, match="no exposure to experiment 'other'"):
        sources.read(workspace, "other", experiment, exposures=where)
    with pytest.raises(BadInput, match="up to 2025-03-02"):
        read(workspace, until=days(-1)[0])


def test_a_missing_day_is_named(workspace: Workspace) -> None:
    shutil.rmtree(Simulated.of(workspace, HOME).outcomes.of_day(days(1)[0]))
    with pytest.raises(BadInput, match=r"lacks 2025-03-04, expected every day from 2025-03-03 to"):
        read(workspace)
    assert seen(read(workspace, until=START)) == set(days(-2, -1, 0))


def test_an_experiment_whose_days_are_not_published_yet_has_to_wait(workspace: Workspace) -> None:
    exposures = Simulated.of(workspace, HOME).exposures.folder.rename(workspace.root / "met")
    with pytest.raises(BadInput, match="has no day from 2025-03-03 on"):
        read(workspace, exposures=exposures)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"user_id": ["u"]}, r"expected user_id, experiment, arm, time too: add experiment, arm"),
        ({"user_id": ["u"], "experiment": ["x"], "arm": ["control"], "time": [True]}, "is boolean"),
    ],
)
def test_tables_of_another_kind_are_refused(
    workspace: Workspace, columns: dict[str, list[Any]], said: str
) -> None:
    path = workspace.root / "odd.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(BadInput, match=said):
        read(workspace, exposures=path)


def test_a_folder_without_files_is_refused(workspace: Workspace) -> None:
    empty = workspace.root / "empty"
    empty.mkdir()
    with pytest.raises(BadInput, match="holds no Parquet file"):
        read(workspace, exposures=empty)


def test_a_simulation_has_users_of_its_own(workspace: Workspace) -> None:
    simulated = Simulated.of(workspace, HOME)
    user = simulated_user(simulated)
    write_log(workspace, "users", START, [{"user_id": user, "country": "DE"}])
    from_logs = read(workspace, slices=["country"]).users
    assert from_logs is not None
    assert from_logs.to_pylist() == [{"user_id": user, "country": "DE"}]
    simulated.write_users(pa.table({"user_id": [user, "nobody"], "country": ["FR", "US"]}))
    own = read(workspace, slices=["country"]).users
    assert own is not None
    assert own.to_pylist() == [{"user_id": user, "country": "FR"}]
