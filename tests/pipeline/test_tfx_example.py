"""The example of the TFX paper (KDD 2017, figure 2), by the commands that a person types: a value
that nobody saw before and a feature that is gone; two fixes proposed, agreed to, and the run goes
through."""

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from daily_logs import DAY, SMALL, make_workspace, write_clean_day

from recsys import pushes
from recsys.__main__ import main
from recsys.features import schema
from recsys.workspace import Workspace

BEFORE, TRAINED, SPAN = (DAY + dt.timedelta(days=i) for i in range(3))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two clean days; on the third an app is of a new category, and no user tells an age."""
    workspace = make_workspace(tmp_path, **SMALL)
    for day in (BEFORE, TRAINED, SPAN):
        write_clean_day(workspace, day)
    [apps] = workspace.files("apps", SPAN)
    rows = pq.read_table(apps)
    categories = ["Maps", "Maps", *rows["category"].to_pylist()[2:]]
    place = rows.column_names.index("category")
    pq.write_table(rows.set_column(place, "category", pa.array(categories)), apps)
    [users] = workspace.files("users", SPAN)
    pq.write_table(pq.read_table(users).drop_columns("age_band"), users)
    return workspace


class Terminal:
    """Types commands and reads what they print."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
        self._root, self._monkeypatch, self._read = root, monkeypatch, read

    def type(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, standard output and standard error."""
        command = ["recsys", *arguments, "--workspace", str(self._root)]
        self._monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._read.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err


def test_an_unseen_value_and_a_feature_that_is_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(workspace.root, monkeypatch, capsys)
    code, out, err = terminal.type("run", "--to", str(TRAINED))
    assert code == 0, err
    serving = pushes.current(workspace)
    code, out, _ = terminal.type("run", "--dry-run")
    assert (code, out.splitlines()[:2]) == (0, [f"{SPAN}  pipeline", "1 day would run."])

    code, out, err = terminal.type("run")
    assert code == 1
    assert f"the data of {SPAN} was stopped before training" in err
    assert "category  Unexpected values: 2.6% of values are outside the domain" in err
    assert "'Maps' (46)" in err
    assert "-> add value to domain: 'Maps'" in err
    assert "age_band  Column dropped: the column is in the schema, but not in the data" in err
    assert "-> deprecate feature" in err
    assert pushes.current(workspace) == serving

    code, out, _ = terminal.type("schema", "diff", "--json")
    assert {(one["name"], one["remedy"]) for one in json.loads(out.splitlines()[-1])} == {
        ("category", "add value to domain: 'Maps'"),
        ("age_band", "deprecate feature"),
    }
    assert "-> add value to domain: 'Maps'" in out

    code, _, err = terminal.type("schema", "approve", "category", "age_band")
    assert (code, schema.latest(workspace)) == (2, 1)
    assert "expected a reason" in err
    approve = ("schema", "approve", "category", "age_band", "--why", "the store grew")
    code, out, _ = terminal.type(*approve, "--dry-run")
    assert (code, schema.latest(workspace)) == (0, 1)
    assert "this would be version 2; nothing was written" in out
    code, out, _ = terminal.type(*approve)
    assert (code, schema.latest(workspace)) == (0, 2)
    assert "approved version 2" in out

    code, out, _ = terminal.type("schema", "show")
    assert "age_band: Column dropped -> deprecate feature" in out
    assert "the store grew" in out
    code, out, err = terminal.type("run")
    assert code == 0, err
    assert "1 day ran." in out
    assert pushes.current(workspace) != serving

    code, out, _ = terminal.type("bundles", "rollback", "--dry-run")
    assert code == 0
    assert f"{serving} is whole and would serve" in out
    assert pushes.current(workspace) != serving
    assert terminal.type("schema", "diff")[1].startswith("The data is as the schema expects")
