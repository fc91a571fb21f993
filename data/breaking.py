"""Applies a fault to a copy of a workspace."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.broken_day import BrokenDay
from data.faults import FAULTS, Fault
from data.streams import Streams
from recsys import config as configuration
from recsys.errors import BadInput
from recsys.tables import TABLES
from recsys.workspace import Workspace, staged_folder

_COPIED = (configuration.FILE_NAME, "schema")
"""What a person may edit in place."""
_LINKED = ("logs", "artifacts", "bundles")
"""What is only ever replaced, but for logs that grow: hard links do, and cost next to nothing."""
_GROWS = ".jsonl"
_LEFT_BEHIND = shutil.ignore_patterns(".staged-*", ".lock")


def known(name: str) -> Fault:
    """The fault of that name.

    Raises:
        BadInput: there is none.
    """
    if name not in FAULTS:
        raise BadInput(
            f"expected the name of a fault, found {name!r}: choose one of {', '.join(FAULTS)}."
        )
    return FAULTS[name]


def break_day(workspace: Workspace, fault: Fault, day: dt.date | None, target: Path) -> list[str]:
    """Copies a workspace and applies a fault to a day of the copy.

    The server's state, reports and Dagster's history stay behind.

    Args:
        workspace: is left as it is.
        fault: what goes wrong.
        day: when it does; the newest day where None.
        target: the copy, which must not exist yet.

    Returns:
        what is changed, a line for each file.

    Raises:
        BadInput: the target exists, or the logs lack the day, or what the fault changes.
    """
    if target.exists():
        raise BadInput(f"{target} exists already: name a folder that doesn't, or remove it.")
    date = _day_of(workspace, day)
    with staged_folder(target) as folder:
        for name in (*_COPIED, *_LINKED):
            _copy(workspace.root / name, folder / name, is_linked=name in _LINKED)
        return _applied(workspace, Workspace(folder), fault, date)


def rehearse(workspace: Workspace, fault: Fault, day: dt.date | None) -> list[str]:
    """What `break_day` would change, a line for each file; nothing is left behind.

    Raises:
        BadInput: the logs lack the day, or what the fault changes.
    """
    date = _day_of(workspace, day)
    with tempfile.TemporaryDirectory(prefix=".staged-rehearsal-", dir=workspace.root) as folder:
        copy = Workspace(Path(folder))
        _copy(workspace.logs, copy.logs, is_linked=True)
        return _applied(workspace, copy, fault, date)


def _day_of(workspace: Workspace, day: dt.date | None) -> dt.date:
    days = workspace.days("requests")
    if not days or (day and day not in days):
        held = f"the days {days[0]} to {days[-1]}" if days else "no day"
        raise BadInput(
            f"expected a day of the logs to break, found {held} in {workspace.logs}: name another "
            "one, or `recsys data generate` some."
        )
    return day or days[-1]


def _copy(source: Path, target: Path, is_linked: bool) -> None:
    if source.is_dir():
        how = _link if is_linked else shutil.copy2
        shutil.copytree(source, target, copy_function=how, ignore=_LEFT_BEHIND)
    elif source.exists():
        shutil.copy2(source, target)


def _link(source: str, target: str) -> None:
    """A hard link; a copy where the file grows in place, or lies on another file system."""
    if not source.endswith(_GROWS):
        try:
            os.link(source, target)
        except OSError:
            pass
        else:
            return
    shutil.copy2(source, target)


def _applied(workspace: Workspace, copy: Workspace, fault: Fault, date: dt.date) -> list[str]:
    rng = Streams(workspace.config.seed).rng("faults", fault.name, date.isoformat())
    fault.apply(BrokenDay(copy, date, rng))
    changes = list(_differences(workspace, copy))
    if not changes:
        raise BadInput(
            f"{fault.name} finds nothing to change on {date} in {workspace.logs}: choose another "
            "fault, or another day."
        )
    return changes


def _differences(workspace: Workspace, copy: Workspace) -> Iterator[str]:
    for table in TABLES:
        for day in workspace.days(table):
            for file in workspace.files(table, day):
                now = copy.day(table, day) / file.name
                difference = _difference(file, now)
                if difference:
                    yield f"{table} {day} {file.name}: {difference}"


def _difference(file: Path, now: Path) -> str:
    """What became of a file, in plain words; empty where it holds what it held."""
    if not now.exists():
        return "removed"
    if now.samefile(file):
        return ""
    before, after = (pq.ParquetFile(path).read() for path in (file, now))
    if before.num_rows != after.num_rows:
        return f"{before.num_rows:,} rows become {after.num_rows:,}"
    names = dict.fromkeys([*before.column_names, *after.column_names])
    return ", ".join(filter(None, (_change_of(name, before, after) for name in names)))


def _change_of(name: str, before: pa.Table, after: pa.Table) -> str:
    if name not in after.column_names:
        return f"{name} is gone"
    if name not in before.column_names:
        return f"{name} is new"
    old, new = before[name], after[name]
    if old.type != new.type:
        return f"{name} becomes {new.type}"
    return "" if old.equals(new) else f"other values of {name}"
