import datetime as dt
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from import_files import run

from loadtests import movielens
from recsys import config
from recsys.tables import Table
from recsys.workspace import Workspace, digest_of_folder

CACHE = Path(__file__).parents[2] / ".cache"


def workspace(root: Path, preset: str) -> Workspace:
    (root / "ml-100k").symlink_to(movielens.fetch(CACHE))
    (root / config.FILE_NAME).write_text(config.render(config.preset(preset)))
    return Workspace(root)


def column(workspace: Workspace, table: Table, name: str) -> list[object]:
    files = [file for day in workspace.days(table) for file in workspace.files(table, day)]
    return [value for file in files for value in pq.ParquetFile(file).read()[name].to_pylist()]


@pytest.mark.real
def test_movielens_by_day(tmp_path: Path) -> None:
    at = workspace(tmp_path, "movielens")
    imported = run(at)
    assert imported.num_kept == {"interactions": 100_000, "users": 943, "apps": 1_682}
    assert (imported.num_users, imported.num_apps, imported.notes) == (943, 1_682, [])
    assert (imported.first_day, imported.last_day) == (dt.date(1997, 9, 20), dt.date(1998, 4, 22))
    assert len(set(column(at, "requests", "request_id"))) == 100_000
    assert len(set(column(at, "outcomes", "event_id"))) == 100_000
    # As the data set's own README and u.occupation have it.
    assert Counter(column(at, "users", "gender")) == {"M": 670, "F": 273}
    assert Counter(column(at, "users", "occupation"))["student"] == 196
    assert column(at, "apps", "title")[0] == "Toy Story"

    digest = digest_of_folder(at.logs)
    run(at)
    assert digest_of_folder(at.logs) == digest


@pytest.mark.real
def test_movielens_without_time(tmp_path: Path) -> None:
    at = workspace(tmp_path, "movielens-random")
    imported = run(at)
    assert (imported.num_kept["interactions"], imported.num_days) == (100_000, 1)
    assert imported.notes == []
