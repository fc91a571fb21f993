"""Faults whose detection no other test proves, through the real data half of the pipeline; `recsys
bench faults` lets all of them happen."""

import datetime as dt
from pathlib import Path

import pytest
from data_half import judge

from data.breaking import break_day
from data.faults import FAULTS
from data.generate import generate
from pipeline.store import Store
from recsys import config
from recsys.workspace import Workspace


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three days of the tiny store, the first two of them judged: they are clean."""
    root = tmp_path_factory.mktemp("store")
    settings = config.parse({"extends": "tiny", "world": {"num_days": 3}}, "faults")
    (root / config.FILE_NAME).write_text(config.render(settings))
    workspace = Workspace(root)
    generate(workspace, 3)
    first, second, _ = workspace.days("requests")
    assert [judge(Store(workspace), day) for day in (first, second)] == [[], []]
    return workspace


@pytest.mark.parametrize(
    "name",
    [
        "nan-from-division",  # in a file whose own statistics hide it
        "half-day-missing",
        "yesterday-again",
        "requests-missing",
        "snapshot-missing",
        "list-empty",
        "event-renamed",
    ],
)
def test_a_fault_is_an_error_that_names_what_it_touched(
    name: str, store: Workspace, tmp_path: Path
) -> None:
    day = dt.date(2024, 3, 3)
    break_day(store, FAULTS[name], day, tmp_path / "copy")
    rows = judge(Store(Workspace(tmp_path / "copy")), day)
    stopping = {row.name: row.remedy for row in rows if row.severity == "error"}
    assert stopping.get(FAULTS[name].touches[0]), rows
