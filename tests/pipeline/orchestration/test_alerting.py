from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, NEXT, make_workspace, write_clean_day

from pipeline.orchestration import runner
from pipeline.orchestration.runner import Due
from recsys.errors import GateStopped

TELL = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"


def test_a_gate_that_stops_a_run_is_told(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    command = [sys.executable, "-c", TELL, str(told)]
    workspace = make_workspace(tmp_path / "workspace", alerts={"command": command})
    for day in (DAY, NEXT):
        write_clean_day(workspace, day)
    runner.run(workspace, [Due(DAY, "data")], _watch_nothing)
    assert not told.exists()

    [file] = workspace.files("requests", NEXT)
    pq.write_table(pq.read_table(file).drop_columns("device"), file)
    with pytest.raises(GateStopped) as stopped:
        runner.run(workspace, [Due(NEXT, "data")], _watch_nothing)
    values = json.loads(told.read_text())
    assert values["span"] == str(NEXT)
    assert values["message"] == str(stopped.value)
    assert values["reasons"] == list(stopped.value.reasons)
    assert any(reason.startswith("device: ") for reason in values["reasons"])
    assert values["serving"] is None


def test_an_alert_that_fails_changes_nothing(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, alerts={"command": ["/nowhere/page-me"]})
    with pytest.raises(GateStopped, match="refused"), runner._alerting(workspace, DAY):
        raise GateStopped("refused: too low")


def _watch_nothing(component: str, span: str, state: object, seconds: float) -> None:
    pass
