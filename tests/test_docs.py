"""What the documents say is so: paths, commands, links, the README's tree and its figures."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from recsys.__main__ import cli

ROOT = Path(__file__).parents[1]
ROOMS = ("recsys", "pipeline", "data", "serving", "loadtests")
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

_FENCED = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join((*ROOMS, 'tests', 'docs'))})/[\w./-]*")
_COMMAND = re.compile(r"\brecsys((?: +(?:--)?[\w.-]+)+)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def blocks(text: str) -> list[str]:
    return _FENCED.findall(text)


def spans(text: str) -> list[str]:
    return _SPAN.findall(_FENCED.sub("", text))


def picture() -> str:
    return blocks(README.split("## The system\n")[1])[0]


def tree() -> set[str]:
    """Paths of the README's tree: an entry of a folder is indented by two more than the folder."""
    paths, folders = set(), [""]
    for line in blocks(README.split("## What lies where\n")[1])[0].splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        del folders[depth + 1 :]
        path = folders[depth] + name
        paths.add(path)
        folders.append(path)
    return paths


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [Path(name) for name in listed.stdout.split("\0") if name]


def test_the_tree_names_nothing_that_is_not_there() -> None:
    listed = tree()
    assert len(listed) > 20
    for path in listed:
        assert (ROOT / path).is_dir() == path.endswith("/"), path
        assert (ROOT / path).exists(), path


def test_the_tree_names_every_entry_of_the_top_and_every_package() -> None:
    files = tracked()
    top = {path.parts[0] + ("/" if len(path.parts) > 1 else "") for path in files}
    packages = {f"{path.parent.as_posix()}/" for path in files if path.name == "__init__.py"}
    assert top | packages <= tree()


def test_the_picture_names_files_that_are_there() -> None:
    named = _PATH.findall(picture())
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


@each_document
def test_paths_in_the_text_are_there(document: Path) -> None:
    named = [path for span in spans(document.read_text()) for path in _PATH.findall(span)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_each_idea_of_a_paper_has_a_file_or_is_not_here_yet() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", (ROOT / "docs" / "paper.md").read_text(), re.M)
    assert len(rows) > 30
    for idea, where in rows:
        assert idea == "idea" or _PATH.search(where) or "not here yet" in where, idea


@each_document
def test_commands_exist_with_their_options(document: Path) -> None:
    text = document.read_text()
    for piece in [*spans(text), *"\n".join(blocks(text)).splitlines()]:
        for words in _COMMAND.findall(piece.split("#")[0]):
            assert_is_a_command(words.split())


def assert_is_a_command(words: list[str]) -> None:
    command: Any = typer.main.get_command(cli)
    subcommands = iter(word for word in words if not word.startswith("--"))
    while hasattr(command, "get_command"):
        name = next(subcommands, None)
        if name is None:
            break
        found = command.get_command(None, name)
        assert found is not None, f"recsys {' '.join(words)}"
        command = found
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= options, words


def test_every_command_is_in_the_readme() -> None:
    command: Any = typer.main.get_command(cli)
    said = set(re.findall(r"\brecsys ([a-z]+)", README)) | {
        name for name in ("demo",) if f"make {name}" in README
    }
    assert set(command.list_commands(None)) <= said


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(_FENCED.sub("", document.read_text())):
        if not link.startswith(("https://", "#")):
            assert (document.parent / link.split("#")[0]).exists(), link


def test_every_place_for_figures_is_filled() -> None:
    places = README.split("<!-- figures: ")[1:]
    assert places
    for place in places:
        name, rest = place.split(" -->\n", 1)
        table = rest.split("\n\n")[0].splitlines()
        assert len(table) > 2 and all(line.startswith("|") for line in table), name
        cells = {cell.strip() for line in table for cell in line.split("|")}
        assert "?" not in cells, f"figures of {name} are missing"
