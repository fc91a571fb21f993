"""`recsys bundles ...` as a person types it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daily_logs import make_workspace
from made_bundles import Made, made

from recsys import pushes
from recsys.__main__ import main
from recsys.registry.servers import Presence
from recsys.workspace import Workspace

Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, bundles={"keep": 99})


@pytest.fixture
def typed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Type:
    """Types a command in a terminal of 80 columns: exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LOGNAME", "ada")

    def run(*words: str) -> tuple[int, str, str]:
        command = ["recsys", "bundles", *words, "--workspace", str(workspace.root)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def values(out: str) -> Any:
    return json.loads(out.splitlines()[-1])


def rows(out: str) -> dict[str, list[str]]:
    """The cells of each line, by the first of them; of several, those of the first line."""
    lines = [line.split() for line in out.splitlines()]
    return {cells[0]: cells[1:] for cells in reversed(lines) if cells}


@pytest.fixture
def three(workspace: Workspace) -> list[Made]:
    """Three days, each begun as the one before it; all served."""
    found: list[Made] = []
    for day in ("2024-03-04", "2024-03-05", "2024-03-06"):
        before = found[-1] if found else None
        apps = ["a", "b", f"of {day}"]
        baseline = before.version if before else None
        found.append(made(workspace, day, before, apps, baseline=baseline))
        found[-1].push(workspace)
    return found


def test_the_list_tells_verdict_state_and_metrics_of_each(
    workspace: Workspace, three: list[Made], typed: Type
) -> None:
    first, second, third = (one.version for one in three)
    bad = made(workspace, "2024-03-07", bad=["AUC fell by 0.2", "recall fell by half"], auc=0.5)
    unsafe = made(workspace, "2024-03-08", unsafe=["it took 9,000 MiB"])
    typed("rollback", "--why", "angry users")
    code, out, _ = typed("list", "--json")
    assert code == 0
    assert max(len(line) for line in out.splitlines()[:-1]) <= 80
    table = rows(out)
    assert table[first][:2] == ["blessed", "pushed"]
    assert table[second][:2] == ["blessed", "serves"]
    assert table[third][:3] == ["blessed", "rolled", "back"]
    assert table[bad.version][:2] == table[unsafe.version][:2] == ["refused", "candidate"]
    assert table[bad.version][2:] == ["0.5000", "±0.0100"]
    words = " ".join(out.split())
    assert "evaluator: AUC fell by 0.2 - evaluator: recall fell by half" in words
    assert "infra_validator: it took 9,000 MiB" in words
    assert f"ada went back from it to {second}: angry users" in words

    told = values(out)
    assert told["current"] == second
    assert told["versions"] == [first, second, third]
    states = {one["version"]: (one["verdict"], one["state"]) for one in told["bundles"]}
    assert states == {
        first: ("blessed", "pushed"),
        second: ("blessed", "serves"),
        third: ("blessed", "rolled back"),
        bad.version: ("refused", "candidate"),
        unsafe.version: ("refused", "candidate"),
    }
    assert all("lineage" not in one and one["num_bytes"] > 0 for one in told["bundles"])


def test_the_list_names_running_servers_and_damaged_bundles(
    workspace: Workspace, three: list[Made], typed: Type
) -> None:
    first, _, third = (one.version for one in three)
    (workspace.bundles / first / "registry.json").unlink()
    (workspace.bundles / first / "manifest.json").write_text("{torn")
    shutil.rmtree(workspace.artifacts)
    presence = Presence(workspace, "http://127.0.0.1:8501")
    with presence.shown():
        presence.tell(third)
        code, out, _ = typed("list", "--json")
        shown = typed("show", third)[1]
    assert code == 0
    assert rows(out)[first] == ["unknown", "damaged"]
    assert f"http://127.0.0.1:8501 (pid {values(out)['servers'][0]['pid']}) serves {third}" in (
        " ".join(out.split())
    )
    assert "http://127.0.0.1:8501" in shown
    assert "http://127.0.0.1:8501" not in typed("show", third)[1]


def test_an_older_programs_push_is_known_by_its_artifacts(
    workspace: Workspace, three: list[Made], typed: Type
) -> None:
    first = three[0].version
    (workspace.bundles / first / "registry.json").unlink()
    assert rows(typed("list")[1])[first][:2] == ["blessed", "pushed"]
    shutil.rmtree(workspace.artifacts)
    assert rows(typed("list")[1])[first] == ["unknown", "pushed"]


def test_show_tells_all_of_a_bundle_when_the_artifacts_are_gone(
    workspace: Workspace, three: list[Made], typed: Type
) -> None:
    first, second, _ = (one.version for one in three)
    shutil.rmtree(workspace.artifacts)
    code, out, _ = typed("show", "2024-03-05", "--json")
    assert code == 0
    assert max(len(line) for line in out.splitlines()[:-1]) <= 80
    words = " ".join(out.split())
    for said in (
        f"bundle {second}, 0.0 MiB",
        "blessed by the infra_validator: - it stands all that is asked",
        "blessed by the evaluator: - it is good enough",
        "the ranker's AUC 0.7000 ±0.0100",
        "pushed it: blessed by the infra_validator and the evaluator",
        "trained on 2024-03-02 to 2024-03-04 (3 days)",
        "tested on 2024-03-05",
        f"compared with {first}",
        f"began warm, as {first}",
        "schema version 1",
        "code 0.1.0",
        "trainer_ranking 4.0",
        "evaluator 2024-03-05",
        "builds on that of 2024-03-04",
    ):
        assert said in words, said
    told = values(out)
    assert (told["version"], told["state"], told["verdict"]) == (second, "pushed", "blessed")
    assert told["lineage"] and told["servers"] == []
    assert f"bundle {three[2].version}" in typed("show")[1]


def test_show_tells_a_refused_candidate_too(workspace: Workspace, typed: Type) -> None:
    bad = made(workspace, "2024-03-07", bad=["AUC fell by 0.2"])
    code, out, _ = typed("show", bad.version[:12])
    assert code == 0
    words = " ".join(out.split())
    assert "refused by the evaluator: - AUC fell by 0.2" in words
    assert "state candidate" in words


def test_diff_tells_what_changed(workspace: Workspace, three: list[Made], typed: Type) -> None:
    first, second, third = (one.version for one in three)
    code, out, _ = typed("diff", "2024-03-05", "--json")
    assert code == 0
    assert max(len(line) for line in out.splitlines()[:-1]) <= 80
    words = " ".join(out.split())
    assert f"from {second} to {third}" in words
    assert "2024-03-03 to 2024-03-05 (3 days); before: 2024-03-02 to 2024-03-04 (3 days)" in words
    assert f"warm, as {second}; before: warm, as {first}" in words
    assert "3: 1 added, 1 removed" in words
    assert "+0.0100 ±0.0050" in words
    told = values(out)
    assert (told["before"]["version"], told["after"]["version"]) == (second, third)
    changed = made(workspace, "2024-03-07", settings={"ranking": {"kind": "linear"}}, bad=["bad"])
    words = " ".join(typed("diff", third, changed.version)[1].split())
    assert "config 1 key changed" in words
    assert 'ranking.kind "deep" "linear"' in words


def test_rollback_takes_the_beginning_of_a_version_and_records_it(
    workspace: Workspace, three: list[Made], typed: Type
) -> None:
    first, second, third = (one.version for one in three)
    code, out, _ = typed("rollback", "2024-03-04", "--dry-run")
    assert (code, out) == (0, f"{first} is whole and would serve, {third} does\n")
    assert pushes.current(workspace) == third
    code, out, _ = typed("rollback", "2024-03-04", "--why", "angry users", "--json")
    assert out.splitlines()[0] == f"{first} serves, {third} did"
    assert values(out) == {"serving": first, "before": third, "dry_run": False}
    last = pushes.history(workspace)[-1]
    assert (last.version, last.previous, last.who, last.why, last.kind) == (
        *(first, third),
        *("ada", "angry users", "rollback"),
    )
    assert typed("rollback", first)[1] == f"{first} serves already\n"
    code, _, err = typed("rollback")
    assert code == 2
    assert "none to go back to" in err
    assert typed("rollback", second)[0] == 0


def test_a_damaged_bundle_is_not_rolled_back_to(
    workspace: Workspace, three: list[Made], typed: Type
) -> None:
    first, _, third = (one.version for one in three)
    (workspace.bundles / first / "config.json").write_text("{}")
    code, out, err = typed("rollback", first)
    assert (code, out) == (2, "")
    assert "the digest of config.json is" in err
    assert len(err.strip().splitlines()) == 1
    assert pushes.current(workspace) == third


def test_what_a_person_went_back_from_is_not_pushed_again(
    workspace: Workspace, three: list[Made], typed: Type
) -> None:
    from recsys.errors import ModelRefused

    typed("rollback", "--why", "angry users")
    with pytest.raises(ModelRefused, match=r"ada went back from it on .*: angry users") as refusal:
        three[2].push(workspace)
    assert f"`recsys bundles rollback {three[2].version}`" in str(refusal.value)
    assert pushes.current(workspace) == three[1].version
    assert typed("rollback", three[2].version)[0] == 0
    three[2].push(workspace)
    assert pushes.current(workspace) == three[2].version


def test_prune_deletes_what_it_says(workspace: Workspace, three: list[Made], typed: Type) -> None:
    first, second, third = (one.version for one in three)
    old = made(workspace, "2024-03-01").push(workspace)
    pushes.roll_back(workspace, third, "the newest shall serve")
    code, out, _ = typed("prune", "--keep", "1", "--dry-run")
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 80
    assert old in pushes.versions(workspace)
    assert "0 bundles would go" in out
    newest = made(workspace, "2024-03-09").push(workspace)
    pushes.roll_back(workspace, third, "the newest shall serve")
    code, out, _ = typed("prune", "--keep", "1", "--json")
    assert rows(out)[old][2:] == ["deleted"]
    assert "1 bundle deleted" in out
    assert pushes.versions(workspace) == [first, second, third, newest]
    told = values(out)
    assert told["removed"] == [old]
    why = {one["version"]: one["why"] for one in told["kept"]}
    assert why[third] == "serves"
    assert why[first] == "an ancestor of what serves"
    assert told["num_bytes"][old] > 0
    assert told["artifacts"]["bundle_gen"] > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "2024-03"], "found 2024-03, as 3 of them begin: name one of 2024-03-04-"),
        (["show", "2023"], "expected the version of a bundle, found 2023: name one of 2024-03-04-"),
        (["diff", "2023"], "found 2023"),
        (["diff", "2024-03-04", "2023"], "found 2023"),
        (["rollback", "2024"], "found 2024, as 3 of them begin"),
    ],
)
def test_a_version_that_is_none_is_one_sentence(
    words: list[str], says: str, workspace: Workspace, three: list[Made], typed: Type
) -> None:
    assert len(three) == 3
    code, out, err = typed(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_before_anything_was_made(workspace: Workspace, typed: Type) -> None:
    assert typed("list")[1] == "No bundle was made yet: `recsys run` makes one.\n"
    for words in (["show"], ["show", "2024"], ["diff", "2024"], ["rollback"]):
        code, _, err = typed(*words)
        assert code == 2
        assert "`recsys run` makes one" in err
    assert typed("prune")[0] == 0
    assert not workspace.bundles.exists()


def test_a_rollback_wakes_no_heavy_library(workspace: Workspace, three: list[Made]) -> None:
    command = ["recsys", "bundles", "rollback", "--workspace", str(workspace.root)]
    code = f"""
import sys
sys.argv = {command!r}
from recsys.__main__ import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended
heavy = {{"tensorflow", "pyarrow", "numpy", "faiss", "duckdb", "dagster", "rich.table"}}
sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert pushes.current(workspace) == three[1].version
