"""Which code made an artifact: a component's module and all modules of ours that it imports.

Only the rooms that training depends on are walked, so that a change to the server or to a test
makes nothing stale.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOMS = ("recsys", "pipeline")
_ROOT = Path(__file__).parents[1]


@functools.cache
def version() -> str:
    """The program's version; where it runs from a checkout, with the commit, and `-dirty` where
    the files differ from that."""
    said = metadata.version("recsys")
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if (_ROOT / ".git").exists():
            describe = ("git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12")
            commit = subprocess.run(describe, cwd=_ROOT, capture_output=True, text=True, check=True)
            return f"{said}+{commit.stdout.strip()}"
    return said


@functools.cache
def code_digest(module: str) -> str:
    """SHA-256 (hex) over the names and sources of a module and its imports, however indirect."""
    whole = hashlib.sha256()
    for name, path in sorted(sources_of(module).items()):
        whole.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def sources_of(module: str) -> dict[str, Path]:
    """The source files of a module and of its imports within the rooms, by module name."""
    found: dict[str, Path] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        path = _source(name)
        if name not in found and path is not None:
            found[name] = path
            pending += [*_imported(path), *_packages(name)]
    return found


def _packages(module: str) -> list[str]:
    """The packages that Python imports before a module: `a.b.c` gives `a.b` and `a`."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _imported(path: Path) -> Iterator[str]:
    """Names that a source file may import as modules; those that are none have no source."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _source(module: str) -> Path | None:
    """Where a module lies; None where the name is none of the rooms' modules. Found by path, since
    Python's own finder would import the packages on the way."""
    if module.split(".")[0] not in ROOMS:
        return None
    stem = _ROOT.joinpath(*module.split("."))
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)
