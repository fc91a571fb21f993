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
    """Names the content of each table's days.

    Digests of files are kept in `artifacts/.digests.json`, and computed anew only for a file whose
    size or time of change differs.
    """
    cache = workspace.artifacts / ".digests.json"
    known: dict[str, str] = json.loads(cache.read_text()) if cache.exists() else {}
    seen: dict[str, str] = {}
    named = []
    for table, table_days in days.items():
        for day in table_days:
            digests = [_digest(f, workspace, known, seen) for f in workspace.files(table, day)]
            content = hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]
            named.append(Reference(f"logs/{table}", day.isoformat(), content))
    if not seen.items() <= known.items():
        write_atomically(cache, json.dumps(known | seen, indent=0).encode())
    return named


def _digest(
    file: Path, workspace: Workspace, known: Mapping[str, str], seen: dict[str, str]
) -> str:
    """A file's digest, from `known` where the file is as it was; notes it in `seen`."""
    state = file.stat()
    key = f"{file.relative_to(workspace.root)} {state.st_size} {state.st_mtime_ns}"
    seen[key] = known.get(key) or digest_of_file(file)
    return seen[key]
