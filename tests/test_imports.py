"""What no module of ours may do, and what the light ones may not wake."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.__main__ import COMMANDS, Commands

ROOT = Path(__file__).parents[1]
ROOMS = ("recsys", "pipeline", "data", "serving", "loadtests")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_that_is_read_is_run(path: Path) -> None:
    for node in nodes(path):
        match node:
            case ast.Import(names=names):
                assert not {alias.name.split(".")[0] for alias in names} & RUNS_WHAT_IT_READS
            case ast.ImportFrom(module=str(module)):
                assert module.split(".")[0] not in RUNS_WHAT_IT_READS
            case ast.Call(func=ast.Name(id=name)):
                assert name not in {"eval", "exec", "compile", "__import__"}
            case ast.keyword(arg="allow_pickle", value=value):
                assert isinstance(value, ast.Constant) and value.value is False


def targets(commands: Commands) -> Iterator[str]:
    """Where all commands are, those of groups too."""
    for place in commands.values():
        if isinstance(place, str):
            yield place
        else:
            yield from targets(place)


def test_the_command_line_names_the_other_rooms_as_text_alone() -> None:
    rooms = {target.split(".")[0] for target in targets(COMMANDS)}
    assert rooms == set(ROOMS)
    imported = {
        name.split(".")[0]
        for node in nodes(ROOT / "recsys" / "__main__.py")
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported & set(ROOMS) == {"recsys"}


@pytest.mark.parametrize(
    ("modules", "asleep"),
    [
        ("recsys.config, recsys.workspace, recsys.query, recsys.commands", "pyarrow"),
        ("recsys.bundle, recsys.filters, recsys.popularity, recsys.index", "tensorflow"),
        ("recsys.recommender, recsys.executor.model, serving.app", "tensorflow"),
        ("recsys.recommender, recsys.executor.model, serving.app", "ibis"),
        ("recsys.replay, pipeline.skew_gen", "tensorflow"),
    ],
)
def test_what_needs_no_heavy_library_does_not_wake_it(modules: str, asleep: str) -> None:
    code = f"import sys, {modules}; sys.exit({asleep!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
