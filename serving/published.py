"""The names of the files that servers add to the daily tables:
`served-<source>-<position>.parquet`.

The source is a user store or a journal of requests; the file ends at that position in it. So the
files themselves say how far a day of a table has been written, and a publisher that was killed
goes on where the last whole file ends: no row is lost, and none is there twice.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from recsys.tables import Logged
from recsys.workspace import Workspace

_NAME = re.compile(r"served-([0-9a-f]{32})-(\d+)\.parquet")


def path(workspace: Workspace, table: Logged, day: dt.date, source: str, position: int) -> Path:
    """Where the rows of a source lie that come up to that position, after those of earlier files.

    Args:
        workspace: the logs.
        table: one of its tables.
        day: the day that the rows belong to.
        source: 32 hexadecimal digits.
        position: in the source; positions grow.
    """
    return workspace.day(table, day) / f"served-{source}-{position}.parquet"


def position(workspace: Workspace, table: Logged, day: dt.date, source: str) -> int:
    """How far the day has been written from a source; 0 where it hasn't."""
    found = (_NAME.fullmatch(file.name) for file in workspace.files(table, day))
    return max((int(name[2]) for name in found if name and name[1] == source), default=0)


def is_from(file: Path, source: str) -> bool:
    """Whether a source's rows are in the file."""
    name = _NAME.fullmatch(file.name)
    return name is not None and name[1] == source
