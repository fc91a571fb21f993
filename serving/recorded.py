"""What this server was asked of late: a new bundle answers it before it takes traffic, so that it
is shown to be able to, and warm.

A server that has just started takes what the journal of requests says of the time before.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recsys.query import Query
from recsys.workspace import Workspace
from serving import request_log
from serving.user_store import UserRecord, UserStore
from serving.versions import one_blank_request

NUM_RECORDED = 64
_JOURNAL_BYTES = 1 << 16
_KEYS = ("request_id", "user_id", "time", request_log.EXPOSURE)


class Recorded:
    """The last requests that were answered in full."""

    def __init__(self, workspace: Workspace, store: UserStore) -> None:
        self._workspace = workspace
        self._store = store
        self._last: deque[Query] = deque(maxlen=NUM_RECORDED)

    def note(self, query: Query) -> None:
        """Keeps a query for as long as it is one of the last."""
        self._last.append(query)

    def __call__(self) -> Sequence[Query]:
        """The queries, and a blank one."""
        return [*one_blank_request(), *(list(self._last) or self._journalled())]

    def _journalled(self) -> list[Query]:
        rows = _last_rows(self._workspace)
        records = self._store.get_many([row["user_id"] for row in rows])
        return [_query(row, record) for row, record in zip(rows, records, strict=True)]


def _query(row: Mapping[str, Any], record: UserRecord | None) -> Query:
    known = record or UserRecord(row["user_id"])
    given = {name: value for name, value in row.items() if name not in _KEYS and value is not None}
    time = dt.datetime.fromisoformat(row["time"])
    return Query(row["user_id"], time, {**known.profile, **given}, known.installed_app_ids)


def _last_rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Of the journal that was written to last."""
    journals = request_log.folder(workspace).glob("day=*/*.jsonl")
    newest = max(journals, key=lambda path: path.stat().st_mtime, default=None)
    return [] if newest is None else [*_rows(newest)][-NUM_RECORDED:]


def _rows(journal: Path) -> Iterator[dict[str, Any]]:
    with journal.open("rb") as file:
        start = max(0, journal.stat().st_size - _JOURNAL_BYTES)
        file.seek(start)
        whole = file.read().splitlines(keepends=True)[1 if start else 0 :]
    for line in whole:
        try:
            row = json.loads(line)
        except ValueError:  # torn by a lost power, or being written
            continue
        yield row
