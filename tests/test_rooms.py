"""Imports run one way, and the synthetic store's truth stays out of what is trained and served."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("recsys", "pipeline", "data", "serving", "loadtests")
SEES_TRUTH_AND_RECOMMENDER = "data/simulation"


ALSO_SEES = {
    # A server without what keeps loads away from requests: there is none to compare with otherwise.
    "loadtests/unisolated.py": {"serving"},
}


def modules_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: write imports in full"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_the_library_and_itself_alone(room: str) -> None:
    for path in modules_of(room):
        allowed = {"recsys", room, *ALSO_SEES.get(path.relative_to(ROOT).as_posix(), ())}
        rooms = {name.split(".")[0] for name in imported(path)} & set(ROOMS)
        assert rooms <= allowed, f"{path.relative_to(ROOT)} imports {rooms - allowed}"


RECOMMENDER = {
    *("recsys.recommender", "recsys.fallbacks", "recsys.bundle", "recsys.models", "recsys.index"),
}


def test_one_package_alone_sees_both_the_truth_and_the_recommender() -> None:
    both = {path.parent for path in modules_of("data") if imported(path) & RECOMMENDER}
    assert both == {ROOT / SEES_TRUTH_AND_RECOMMENDER}


def test_nothing_of_the_world_is_built_on_its_simulation() -> None:
    for path in modules_of("data"):
        uses = any(name.startswith("data.simulation") for name in imported(path))
        is_inside = path.parent == ROOT / SEES_TRUTH_AND_RECOMMENDER
        assert is_inside or path.name.endswith("commands.py") or not uses, path


def test_the_library_knows_no_http_and_no_orchestrator() -> None:
    outside = {"fastapi", "starlette", "uvicorn", "httpx", "dagster", "locust"}
    for path in modules_of("recsys"):
        assert not {name.split(".")[0] for name in imported(path)} & outside, path
