"""Days of logs as inputs of components: named by what their files hold, not by when they were
written."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.artifacts import Reference
from recsys.tables import Table
from recsys.workspace import Workspace, digest_of_file, write_atomically

Days = Mapping[Table, Sequence[dt.date]]


def references(workspace: Workspace, days: Days) -> list[Reference]:
    """Names the content of each table's days."""
    return named(
        workspace,
        {
            (f"logs/{table}", day): workspace.files(table, day)
            for table, table_days in days.items()
            for day in table_days
        },
    )


def named(
    workspace: Workspace, files: Mapping[tuple[str, dt.date], Sequence[Path]]
) -> list[Reference]:
    """Names the content of files, by what they are and their day.

    Digests of files are kept in `artifacts/.digests.json`, and computed anew only for a file whose
    size or time of change differs.
    """
    cache = workspace.artifacts / ".digests.json"
    known: dict[str, str] = json.loads(cache.read_text()) if cache.exists() else {}
    seen: dict[str, str] = {}
    references = []
    for (name, day), of_day in files.items():
        digests = [_digest(file, workspace, known, seen) for file in of_day]
        content = hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]
        references.append(Reference(name, day.isoformat(), content))
    if not seen.items() <= known.items():
        write_atomically(cache, json.dumps(known | seen, indent=0).encode())
    return references


def _digest(
    file: Path, workspace: Workspace, known: Mapping[str, str], seen: dict[str, str]
) -> str:
    """A file's digest, from `known` where the file is as it was; notes it in `seen`."""
    state = file.stat()
    key = f"{file.relative_to(workspace.root)} {state.st_size} {state.st_mtime_ns}"
    seen[key] = known.get(key) or digest_of_file(file)
    return seen[key]
