from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from recsys import config
from recsys.__main__ import COMMANDS, cli, main
from recsys.errors import BadInput, GateStopped

CONTRACT = [
    *("demo", "init", "data", "run", "schema", "bundles", "evaluate", "serve", "recommend"),
    *("events", "ab", "bench", "ui"),
]
ROOT = Path(__file__).parents[1]


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all commands that have no commands of their own."""
    names = command.list_commands(None) if hasattr(command, "list_commands") else []
    if not names:
        yield path
    for name in names:
        yield from leaves(command.get_command(None, name), (*path, name))


LEAVES = sorted(leaves(typer.main.get_command(cli)))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """Runs the command line in this process; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["recsys", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_the_commands_are_those_of_the_contract(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(COMMANDS) == CONTRACT
    assert run(monkeypatch, "--help") == 0
    listed = capsys.readouterr().out
    assert all(f" {name} " in listed for name in CONTRACT)
    assert {path[0] for path in LEAVES} == set(CONTRACT)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_each_command_says_what_it_does(path: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(cli, [*path, "--help"])
    assert answer.exit_code == 0, answer.output
    assert "Usage:" in answer.output


def test_help_wakes_no_heavy_library() -> None:
    asked = [["--help"], *([*path, "--help"] for path in LEAVES)]
    code = f"""
import sys
from typer.testing import CliRunner
from recsys.__main__ import cli
for arguments in {asked!r}:
    assert CliRunner().invoke(cli, arguments).exit_code == 0, arguments
awake = {{"tensorflow", "duckdb", "ibis", "dagster", "pyarrow", "numpy"}} & set(sys.modules)
sys.exit(str(sorted(awake)) if awake else 0)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_without_arguments_there_is_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch)
    printed = capsys.readouterr()
    assert "A two-stage recommender" in printed.out + printed.err


def test_init_writes_a_file_that_reads_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "place")
    assert run(monkeypatch, "init", "--preset", "small", "--workspace", place) in (0, None)
    path = tmp_path / "place" / "recsys.toml"
    assert config.load(path) == config.preset("small")
    path.write_text(path.read_text() + "# mine\n")
    assert run(monkeypatch, "init", "--workspace", place) == 2
    assert "exists already" in capsys.readouterr().err
    assert "# mine" in path.read_text()
    assert run(monkeypatch, "init", "--workspace", place, "--force") in (0, None)
    assert config.load(path) == config.preset("tiny")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run"], "holds no day of requests: `recsys data generate` or `recsys data import`"),
        (["data", "generate"], "recsys.toml does not exist: `recsys init` writes one."),
        (["evaluate"], "holds no day of requests"),
        (["recommend", "u1"], "recsys.toml does not exist"),
        (["init", "--preset", "huge"], "extends = 'huge', expected one of"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *arguments, "--workspace", str(tmp_path / "nowhere")) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.err.startswith("recsys: ")
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""


@pytest.mark.parametrize("arguments", [["nothing"], ["init", "--nothing"], ["data", "nothing"]])
def test_unknown_commands_and_options_exit_with_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(GateStopped, 1), (BadInput, 2)])
def test_a_gate_that_stopped_exits_with_1_and_bad_input_with_2(
    error: type[Exception],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopping() -> None:
        raise error("these are the reasons")

    monkeypatch.setattr("recsys.commands.init", stopping)
    assert run(monkeypatch, "init") == code
    assert capsys.readouterr().err == "recsys: these are the reasons\n"
