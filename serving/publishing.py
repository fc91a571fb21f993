"""From what servers keep to the daily tables that the pipeline reads.

Requests and exposures to experiments come from the servers' journals (`serving.request_log`),
impressions and outcomes from the user store's. A day is published once it is over and
`serving.day_grace_minutes` have passed, so that the pipeline finds it whole; what comes later is a
further file of the day it belongs to, with the next day's. `serving.published` says why nothing is
lost or doubled, however often this is killed.

All files are made aside and moved when all are whole, the requests last: a day of which only a part
was moved has impressions without requests, and the pipeline's gate stops that until the rest is
there.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from recsys.experiments.tables import SERVED
from recsys.tables import EVENTS, SCHEMAS, Logged, Table
from recsys.workspace import Workspace, locked, publish_file, write_atomically
from serving import published, request_ids, request_log
from serving.staged_tables import Place, StagedTables
from serving.user_store import IMPRESSION, Event, UserStore

logger = logging.getLogger(__name__)

_STAGED = ".staged-served"
_DAY = dt.timedelta(days=1)
_Row = dict[str, Any]


def last_closed(workspace: Workspace, now: dt.datetime) -> dt.date:
    """The last day that is over, and its grace too."""
    grace = dt.timedelta(minutes=workspace.config.serving.day_grace_minutes)
    return (now - grace).astimezone(dt.UTC).date() - _DAY


def published_through(workspace: Workspace) -> dt.date | None:
    """The last day up to which all was published; None before the first."""
    note = _note(workspace)
    return dt.date.fromisoformat(note.read_text().strip()) if note.exists() else None


def publish(
    workspace: Workspace, store: UserStore, now: dt.datetime, day: dt.date | None = None
) -> list[Path]:
    """Adds to the daily tables what they don't have yet, and lets the store forget what is older
    than `serving.event_days`. Of several callers, one works and the others wait.

    Args:
        workspace: the logs, and the journals of requests.
        store: whose events are published.
        now: decides which days are over.
        day: publish this day alone, over or not, and forget nothing.

    Returns:
        The files that were added.
    """
    closed = last_closed(workspace, now)
    workspace.serving.mkdir(parents=True, exist_ok=True)
    with locked(workspace.serving / ".publishing.lock"):
        staged = workspace.logs / _STAGED
        shutil.rmtree(staged, ignore_errors=True)
        requests = request_log.schema(workspace.config)
        schemas: dict[Logged, pa.Schema] = {table: SCHEMAS[table] for table in EVENTS}
        tables = StagedTables(staged, schemas | {"requests": requests, "exposures": SERVED})
        wanted = (lambda of: of == day) if day else (lambda of: of <= closed)
        with tables.written():
            _add_requests(workspace, tables, requests, wanted)
            _add_events(workspace, store, tables, wanted)
        added = [
            (made, published.path(workspace, table, of, source, position))
            for made, (table, of, source), position in tables.files()
        ]
        for made, target in sorted(added, key=lambda pair: pair[1].parts[-3] == "requests"):
            publish_file(made, target)
        shutil.rmtree(staged, ignore_errors=True)
        if day is None:
            _forget(workspace, store, now)
            write_atomically(_note(workspace), f"{closed.isoformat()}\n".encode())
    return [target for _, target in added]


def _add_requests(
    workspace: Workspace,
    tables: StagedTables,
    schema: pa.Schema,
    wanted: Callable[[dt.date], bool],
) -> None:
    for folder in sorted(request_log.folder(workspace).glob("day=*")):
        day = dt.date.fromisoformat(folder.name.removeprefix("day="))
        for journal in sorted(folder.glob("*.jsonl")) if wanted(day) else ():
            place: Place = "requests", day, journal.stem
            exposed: Place = "exposures", day, journal.stem
            begin = published.position(workspace, *place)
            begin_exposed = published.position(workspace, *exposed)
            for end, row in _lines(journal, begin):
                tables.add(place, _request(row, schema))
                tables.reach(place, end)
                # A publisher that was killed may have moved exposures, and not yet the requests.
                if request_log.EXPOSURE in row and end > begin_exposed:
                    tables.add(exposed, _exposure(row))
                    tables.reach(exposed, end)


def _add_events(
    workspace: Workspace,
    store: UserStore,
    tables: StagedTables,
    wanted: Callable[[dt.date], bool],
) -> None:
    max_age = dt.timedelta(days=workspace.config.serving.event_days)
    positions: dict[tuple[Table, dt.date, str], int] = {}
    for sequence, event in store.events_after(0):
        table, day, row = _placed(event, max_age)
        if wanted(day):
            place = table, day, store.store_id
            if place not in positions:
                positions[place] = published.position(workspace, *place)
            if sequence > positions[place]:
                tables.add(place, row)
                tables.reach(place, sequence)


def _placed(event: Event, max_age: dt.timedelta) -> tuple[Table, dt.date, _Row]:
    """The table and the day that an event belongs to, and its row.

    An impression belongs to its page, so to the day of the request. What a user does belongs to the
    day on which it is done; the page that led to it counts if it is of that day or of the one
    before, since after that its outcome is no label any more.
    """
    asked = request_ids.asked_at(event.request_id, event.time, max_age)
    day = event.time.date()
    if event.kind == IMPRESSION:
        row = {name: getattr(event, name) for name in ("request_id", "position", "app_id")}
        return "impressions", asked.date() if asked else day, row
    is_old = asked is not None and day - asked.date() > _DAY
    names = ("event_id", "user_id", "app_id", "time", "kind")
    of_page = {"request_id": None if is_old else event.request_id}
    return "outcomes", day, {name: getattr(event, name) for name in names} | of_page


def _request(row: _Row, schema: pa.Schema) -> _Row:
    """A journal's row in the types of the table; what doesn't fit is missing."""
    return {field.name: _typed(row.get(field.name), field.type) for field in schema}


def _exposure(row: _Row) -> _Row:
    """Who was served by which arm, when, and how."""
    time = dt.datetime.fromisoformat(row["time"])
    of_page = {"request_id": row["request_id"], "user_id": row["user_id"], "time": time}
    return {**of_page, **row[request_log.EXPOSURE]}


def _typed(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        return dt.datetime.fromisoformat(value)
    if pa.types.is_floating(kind):
        return float(value) if isinstance(value, int | float) else None
    # As the models read a number or a flag where they expect a category.
    return value if isinstance(value, str) else pa.scalar(value).cast(pa.string()).as_py()


def _lines(journal: Path, begin: int) -> Iterator[tuple[int, _Row]]:
    """The whole lines after a place in a file, each with the place where it ends."""
    with journal.open("rb") as file:
        file.seek(begin)
        for line in file:
            if not line.endswith(b"\n"):  # torn by a lost power, or being written
                return
            begin += len(line)
            try:
                yield begin, json.loads(line)
            except ValueError:  # so much may a lost power do
                logger.warning("%s: the line that ends at %d is no JSON", journal, begin)


def _forget(workspace: Workspace, store: UserStore, now: dt.datetime) -> None:
    """What is published and too old for a repetition to be accepted."""
    oldest = now - dt.timedelta(days=workspace.config.serving.event_days)
    store.forget_before(oldest)
    for folder in request_log.folder(workspace).glob("day=*"):
        if dt.date.fromisoformat(folder.name.removeprefix("day=")) < oldest.date():
            shutil.rmtree(folder)


def _note(workspace: Workspace) -> Path:
    return workspace.serving / "published"
